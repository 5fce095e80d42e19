# Ends everything that an account of ours runs, also after the account is gone.
# Values: lock, account, mark, id or nothing, home.
set -eu
lock=${1#=} name=${2#=} mark=${3#=} known=${4#=} home=${5#=}
say 'mayfly 1'
lock_account "$lock"
find_account "$name" "$mark" "$known"
count=0
# Without an id that is ours nothing is ended: a stranger's would be.
if [ -n "$uid" ]; then
    if [ -d /run/systemd/system ] && command -v loginctl > /dev/null; then
        loginctl disable-linger "$uid" > /dev/null 2>&1 || :
        loginctl terminate-user "$uid" > /dev/null 2>&1 || :
    fi
    rounds=0
    while :; do
        # All that run with the uid in one pass of the kernel, which a process that forks cannot outrun.
        if command -v setpriv > /dev/null; then
            setpriv "--reuid=$uid" --clear-groups -- /bin/sh -c 'kill -KILL -1' > /dev/null 2>&1 || :
        fi
        # And what a log-in of it has started as somebody else.
        census "$uid" all '' '' '' ''
        # shellcheck disable=SC2086
        [ -z "${pids# }" ] || kill -KILL $pids 2> /dev/null || :
        [ "$count" -ne 0 ] || break
        rounds=$((rounds + 1))
        [ "$rounds" -lt 20 ] || break
        sleep 0.1 || sleep 1
    done
fi
say "sessions $count"
say 'done'
