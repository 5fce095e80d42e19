# Closes an account that we made to log-ins: it has expired, has no password, and its key, if it had one, is gone.
# Values: lock, account, mark, id or nothing, home, file of keys or nothing.
set -eu
lock=${1#=} name=${2#=} mark=${3#=} known=${4#=} home=${5#=} keys=${6#=}
say 'mayfly 1'
lock_account "$lock"
find_account "$name" "$mark" "$known"
if [ "$found" = ours ]; then
    lock_host
    edit usermod -e 1 -L -- "$current"
    [ "$status" -eq 0 ] || fail "edit usermod $status"
    exec 8>&-
    case $keys in
    # Where the person may have put a link in the way, the key is removed with their rights, if at all: an account
    # that has expired is refused whatever keys it has.
    "$home"/*)
        if command -v setpriv > /dev/null; then
            setpriv "--reuid=$uid" "--regid=$uid" --clear-groups -- rm -f -- "$keys" 2> /dev/null || :
        fi
        ;;
    '') ;;
    *) rm -f -- "$keys" ;;
    esac
fi
say 'done'
