# Before anything else on a connection, as the administrative account itself: who it is, from where the host sees us come, and
# which host this is.
set -eu
printf 'mayfly 1\n'
printf 'uid %s\n' "$(id -u)"
printf 'from %s\n' "${SSH_CONNECTION%% *}"
machine=
if [ -r /etc/machine-id ]; then
    IFS= read -r machine < /etc/machine-id || :
fi
printf 'machine %s\n' "$machine"
printf 'done\n'
