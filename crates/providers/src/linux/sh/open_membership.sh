# Adds an existing account to a local group, unless it is in it.
# Values: lock, last moment, account, its id, group's id, id of the change.
set -eu
lock=${1#=} last=${2#=} name=${3#=} uid=${4#=} gid=${5#=} note=$state/added/${6#=}
say 'mayfly 1'
lock_account "$lock"
name_of "$name" "$uid"
[ -n "$current" ] || fail gone
find_membership "$gid" "$note" no
[ -n "$line" ] || fail group
group=${line%%:*}
added=no
if [ "$membership" = absent ]; then
    lock_host
    in_time "$last"
    # What says that it was us, should nobody hear our answer.
    mkdir -p "$state/added"
    : > "$note"
    edit gpasswd -a "$current" "$group"
    if [ "$status" -ne 0 ]; then
        rm -f -- "$note"
        fail "edit gpasswd $status"
    fi
    added=yes
else
    in_time "$last"
fi
say "added $added"
say 'done'
