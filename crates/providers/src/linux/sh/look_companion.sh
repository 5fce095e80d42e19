# Looks at, and with `remove` also removes, a file below sudoers.d that we wrote.
# Values: lock, path, its lines joined by `|`, `look` or `remove`.
set -eu
lock=${1#=} path=${2#=} lines=${3#=} verb=${4#=}
say 'mayfly 1'
lock_account "$lock"
found=absent
if [ -L "$path" ]; then
    found=stranger
elif [ -e "$path" ]; then
    found=stranger
    if [ "$(cat "$path" | tr '\n' '|')" = "$lines|" ]; then found=ours; fi
fi
if [ "$verb" = remove ]; then
    rm -f -- "${path%/*}/.${path##*/}"
    if [ "$found" = ours ]; then
        rm -f -- "$path"
        found=absent
    fi
fi
say "found $found"
micros
say "now $now"
say 'done'
