# Removes what an account of ours leaves outside its home. What cannot be removed is given to root and named.
# Values: lock, account, mark, id or nothing, home, places to search.
set -eu
lock=${1#=} name=${2#=} mark=${3#=} known=${4#=} home=${5#=} swept=${6#=}
say 'mayfly 1'
lock_account "$lock"
find_account "$name" "$mark" "$known"
if [ "$found" = ours ]; then
    rm -f -- "/var/lib/systemd/linger/$name"
    owned_ipc | while read -r kind id; do
        case $kind in
        shm) ipcrm -m "$id" ;;
        sem) ipcrm -s "$id" ;;
        msg) ipcrm -q "$id" ;;
        esac 2> /dev/null || :
    done
    owned "$swept" -depth -user "$uid" -delete
    # What is left of it holds what others put there, or cannot be removed; nothing of it may run as the next owner of the id.
    kept=$(owned "$swept" \( -user "$uid" -o -group "$uid" \) -print0 | tr '\n\0' '?\n' | head -n 50)
    owned "$swept" -user "$uid" -exec chown -h 0 '{}' '+'
    owned "$swept" -group "$uid" -exec chgrp -h 0 '{}' '+'
    [ -z "$kept" ] || printf '%s\n' "$kept" | sed 's/^/kept /'
    leftovers "$swept"
    [ "$left" = no ] || fail leftovers
fi
say 'done'
