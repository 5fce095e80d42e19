# Reads what a check of the record tells an administrator. Changes nothing.
# Values: group or nothing, an account's name such as ours, our address, least and most id, public key of the record's authority
# or nothing, the administrative account.
set -eu
group=${1#=} name=${2#=} from=${3#=} least=${4#=} most=${5#=} authority=${6#=} admin=${7#=}
say 'mayfly 1'

for tool in getent awk grep find cut date flock useradd userdel usermod groupadd groupdel gpasswd sshd setpriv sudo visudo; do
    command -v "$tool" > /dev/null || say "missing $tool"
done
say "openssh $(sshd -V 2>&1 | sed -n 's/.*OpenSSH_\([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)"
settings=$(sshd_settings "$name" "$from")
say "keys $(setting "$settings" authorizedkeysfile)"
say "pubkey $(setting "$settings" pubkeyauthentication)"
# Whom else sshd lets in, where it lists people at all.
printf '%s\n' "$settings" | sed -n -e 's/^allowusers /allowusers /p' -e 's/^allowgroups /allowgroups /p'
if trusts "$settings" "$authority"; then say 'trusted yes'; fi
# Somebody of the host's own whom it must not let in by a certificate of ours: one of its people if there are any.
say "other $(least=$least most=$most admin=$admin awk -F: '
    $3 + 0 == 0 || $1 == ENVIRON["admin"] || $5 ~ /^mayfly ins_/ { next }
    $3 + 0 >= ENVIRON["least"] + 0 && $3 + 0 <= ENVIRON["most"] + 0 { next }
    $3 + 0 >= 1000 && $3 + 0 < 60000 && $7 !~ /(nologin|false)$/ && person == "" { person = $1 }
    service == "" { service = $1 }
    END { print (person == "" ? service : person) }' /etc/passwd)"

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
# What sudo lets the administrative account do, and whether the helper, where this is it, is root's alone and the one expected.
if [ -n "${SUDO_USER-}" ]; then
    sudo -l -U "$SUDO_USER" 2> /dev/null | sed -n 's/^  *\((.*\)$/rule \1/p' | head -n 20
fi
[ -z "$self" ] || helper_state
micros
say "now $now"
say 'done'
