# Reads what a launch needs to know. Changes nothing.
# Values: account, group or nothing, log-in shell, our address, places to search, public key of the record's authority or nothing.
set -eu
name=${1#=} group=${2#=} shell=${3#=} from=${4#=} swept=${5#=} authority=${6#=}
say 'mayfly 1'

for tool in getent awk grep find cut date flock useradd userdel usermod groupadd groupdel gpasswd; do
    command -v "$tool" > /dev/null || fail "tool $tool"
done
# What it makes has to be removable: without following a link that somebody puts in the way.
find /proc/self -maxdepth 0 -name none -print0 -quit -delete > /dev/null 2>&1 || fail "tool findutils"

passwd_entry "$name" 1
if [ -n "$entry" ]; then
    say "account $(field 3) $(field 4)"
    secret=$(getent shadow "$name" | cut -d: -f2 || :)
    case $secret in
    # What no password fits begins with one of these (shadow(5)).
    '!'* | '*'* | x) say 'password no' ;;
    *) say 'password yes' ;;
    esac
fi
part_of "$entry" 4
account_gid=$part
group_line "$name" 1
[ -z "$line" ] || say 'namesake yes'

if [ -n "$group" ]; then
    group_line "$group" 1
    if [ -n "$line" ]; then
        part_of "$line" 3
        gid=$part
        say "group $gid"
        if [ -n "$entry" ] && is_member "$name" "$account_gid"; then say 'member yes'; fi
        # Whether sudo knows the group at all; what it allows its members stays the matter of its own rules.
        if command -v sudo > /dev/null && command -v visudo > /dev/null; then
            sudo=$(cat /etc/sudoers /etc/sudoers.d/* 2> /dev/null |
                group=%$group gid=%#$gid awk '
                    /^[ \t]*#/ { next }
                    { n = split($0, word, /[ \t=,]+/)
                      for (i = 1; i <= n; i++) if (word[i] == ENVIRON["group"] || word[i] == ENVIRON["gid"]) found = 1 }
                    END { if (found) print "yes" }')
            if [ "$sudo" = yes ]; then
                say 'sudo yes'
                states "$swept"
            fi
        fi
    elif [ -n "$(getent group "$group" || :)" ]; then
        say 'elsewhere yes'
    fi
fi

[ ! -x "$shell" ] || say 'shell yes'
defaults=$newline$(useradd -D || :)$newline
homes=
case $defaults in
*"${newline}HOME="*)
    homes=${defaults#*"${newline}HOME="}
    homes=${homes%%"$newline"*}
    ;;
esac
say "homes $homes"
# Where sshd looks for keys outside of homes, the person cannot change them.
settings=$(sshd_settings "$name" "$from")
say "keys $(setting "$settings" authorizedkeysfile)"
if trusts "$settings" "$authority"; then say 'trusted yes'; fi
micros
say "now $now"
say 'done'
