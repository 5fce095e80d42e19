-- mayfly manual user hand over
-- Hands over what the user owns; nothing that it wrote is run on the way.
{inner}
