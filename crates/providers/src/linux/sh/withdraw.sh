# Takes an existing account out of a group that we added it to.
# Values: lock, account, its id, group's id, id of the change, whether the ledger knows it as ours, places
# to search or nothing.
set -eu
lock=${1#=} name=${2#=} uid=${3#=} gid=${4#=} note=$state/added/${5#=} known=${6#=} swept=${7#=}
say 'mayfly 1'
changed=
lock_account "$lock"
name_of "$name" "$uid"
find_membership "$gid" "$note" "$known"
if [ "$membership" = ours ]; then
    lock_host
    edit gpasswd -d "$current" "${line%%:*}"
    # 3: it is not a member, which somebody else has seen to.
    case $status in
    0 | 3) ;;
    *) fail "edit gpasswd $status" ;;
    esac
    say 'withdrawn yes'
    [ -z "$swept" ] || changed=yes
fi
rm -f -- "$note"
micros
say "gone $now"
[ -z "$changed" ] || states "$swept"
say 'done'
