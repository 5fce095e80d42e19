set -eu
# Where the administrative account has a shell; nothing is root's yet. A helper that it may run is used rather than a shell of root's.
say_hello "$(id -u)" "$SSH_CONNECTION"
printf 'shell yes\n'
if [ -x /usr/local/sbin/mayfly-helper ] && [ "$(id -u)" -ne 0 ]; then
    printf '=hello\n\n' | sudo -n -- /usr/local/sbin/mayfly-helper 2> /dev/null | grep '^helper ' || :
fi
printf 'done\n'
