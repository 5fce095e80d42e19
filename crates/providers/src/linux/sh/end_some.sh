# Ends sessions of an account, those in the scope and no others, and names them: `ended PID SINCE`, in microseconds.
# Values: lock, id, mode of the census and its values.
set -eu
lock=${1#=} uid=${2#=} mode=${3#=} from=${4#=} until=${5#=} older=${6#=} ids=${7#=}
say 'mayfly 1'
lock_account "$lock"
rounds=0
ended=
while :; do
    census "$uid" "$mode" "$from" "$until" "$older" "$ids"
    [ "$rounds" -gt 0 ] || ended=$chosen
    # shellcheck disable=SC2086
    [ -z "${pids# }" ] || kill -KILL $pids 2> /dev/null || :
    [ "$count" -ne 0 ] || break
    rounds=$((rounds + 1))
    [ "$rounds" -lt 20 ] || break
    sleep 0.1 || sleep 1
done
[ -z "$ended" ] || printf '%s\n' "$ended" | head -n 100 | sed 's/^/ended /'
say "sessions $count"
census "$uid" all '' '' '' ''
say "others $count"
say 'done'
