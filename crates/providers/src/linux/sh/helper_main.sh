set -eu
# Where the helper begins. Nobody can give it an argument: neither a forced command nor the line for sudo passes one on.
case ${1-} in
'')
    if [ "$(id -u)" -ne 0 ]; then
        # sudo takes away from where the caller comes, which is only told back to them.
        {
            printf '@%s\n' "${SSH_CONNECTION-}"
            cat
        } | sudo -n -- "$self"
        exit 0
    fi
    exec timeout -s KILL 120 /bin/sh "$self" bounded
    ;;
bounded) ;;
*) refuse form arguments ;;
esac

# It may be started ahead and wait a minute. Then all of it comes at once, and more than any operation needs is not even read. The
# dot keeps the line breaks at the end.
input=$(timeout -s KILL 90 head -c 65536 | tr -d '\0'; echo .)
case $input in
*"$newline$newline"*) input=${input%%"$newline$newline"*} ;;
*) refuse form 'no empty line' ;;
esac
exec < /dev/null
connection=${SSH_CONNECTION-}
set --
while IFS= read -r value; do
    case $value in
    =*) set -- "$@" "$value" ;;
    @*) connection=${value#@} ;;
    *) refuse form value ;;
    esac
    [ $# -le 32 ] || refuse form 'too many values'
done << INPUT
$input
INPUT
[ $# -gt 0 ] || refuse form 'no operation'
operation=${1#=}
shift
if [ "$operation" = hello ]; then
    say_hello "${SUDO_UID:-0}" "$connection"
    say "helper $version"
    say 'done'
    exit 0
fi
read_conf
check_values "$operation" "$@"
"operation_$operation" "$@"
