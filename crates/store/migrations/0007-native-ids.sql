-- The ids that accounts had on their targets, so that the highest one is found without reading all of them.
CREATE INDEX change_native_id ON change (target, CAST(native_id AS INTEGER)) WHERE kind = 'account';
CREATE INDEX change_history_native_id ON change_history (target, CAST(native_id AS INTEGER)) WHERE kind = 'account';
