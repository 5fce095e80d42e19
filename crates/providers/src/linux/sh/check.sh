# Reads what a check of the record tells an administrator. Changes nothing.
# Values: group or nothing, an account's name such as ours, our address, least and most id.
set -eu
group=${1#=} name=${2#=} from=${3#=} least=${4#=} most=${5#=}
say 'mayfly 1'

for tool in getent awk grep find cut date flock useradd userdel usermod groupadd groupdel gpasswd sshd setpriv sudo visudo; do
    command -v "$tool" > /dev/null || say "missing $tool"
done
say "openssh $(sshd -V 2>&1 | sed -n 's/.*OpenSSH_\([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)"
settings() {
    sshd -T -C "user=$name,host=$1,addr=$1" 2> /dev/null || :
}
settings "$from" | sed -n -e 's/^authorizedkeysfile /keys /p' -e 's/^pubkeyauthentication /pubkey /p' \
    -e 's/^usepam /pam /p' -e 's/^passwordauthentication /passwords /p' -e 's/^trustedusercakeys /authority /p'
# Whom else sshd lets in, where it lists people at all.
settings "$from" | sed -n -e 's/^allowusers /allowusers /p' -e 's/^allowgroups /allowgroups /p'

if [ -n "$group" ]; then
    group_line "$group" 1
    if [ -n "$line" ]; then
        say "group $(printf '%s\n' "$line" | cut -d: -f3)"
    elif [ -n "$(getent group "$group" || :)" ]; then
        say 'elsewhere yes'
    fi
fi
if grep -s -q -E '^[@#]includedir[[:space:]]+/etc/sudoers\.d' /etc/sudoers; then say 'sudoers yes'; fi
if [ -r /proc/self/sessionid ]; then say 'audit yes'; fi
if [ -d /run/systemd/system ]; then say 'systemd yes'; fi
# Ids of the range that are somebody else's.
say "used $(cat /etc/passwd | least=$least most=$most awk -F: '
    $3 + 0 >= ENVIRON["least"] + 0 && $3 + 0 <= ENVIRON["most"] + 0 && $5 !~ /^mayfly ins_/ { n++ } END { printf "%d", n }')"
say "mark $(cat "$state/ids" 2> /dev/null || :)"
micros
say "now $now"
say 'done'
