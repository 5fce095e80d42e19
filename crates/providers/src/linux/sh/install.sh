set -eu
# Installs the helper on a host and makes it the one thing that an administrative log-in may run. May be run again at any time. What
# differs from host to host, and between records, stands above: $record, $login, $key (empty where the log-in has a password), $from,
# $prefix, $accounts, and the functions helper_text and conf_text.
# Everything is in functions that the last line calls, so that half a script does nothing.

helper=/usr/local/sbin/mayfly-helper
rules=/etc/sudoers.d/mayfly+helper

say() {
    printf '%s\n' "$*"
}

stop() {
    printf 'not installed: %s\n' "$*" >&2
    exit 1
}

is_roots() {
    [ -n "$(find "$1" -prune ! -type l -user 0 ! -perm -020 ! -perm -002 2> /dev/null)" ]
}

# One field of the account $1 in passwd(5), by its name; empty when there is none.
account_field() {
    entry=$(getent passwd "$1" || :)
    [ "$(printf '%s\n' "$entry" | cut -d: -f1)" != "$1" ] || printf '%s\n' "$entry" | cut -d: -f"$2"
}

# Writes its input to $1 with the mode $2, whole or not at all.
put() {
    draft=${1%/*}/.${1##*/}.new
    rm -f -- "$draft"
    cat > "$draft"
    chown 0:0 "$draft"
    chmod "$2" "$draft"
    if [ -f "$1" ] && [ ! -L "$1" ] && cmp -s "$draft" "$1"; then
        rm -f -- "$draft"
        chown 0:0 "$1"
        chmod "$2" "$1"
        say "$1 is as it was"
    else
        [ ! -f "$1" ] || [ "${3-}" != keep ] || cp -p -- "$1" "$1.before"
        mv -f -- "$draft" "$1"
        say "$1 is written"
    fi
}

# A setting of sshd for the account $2.
setting() {
    sshd -T -C "user=$2,host=$from,addr=$from" 2> /dev/null | sed -n "s/^$1 //p"
}

conf() {
    conf_text
    printf 'homes %s\n' "$(useradd -D | sed -n 's/^HOME=//p')"
    # What `mayfly record check` recommends, whether it is set up already or not, and what is.
    {
        say '/etc/ssh/mayfly.d/%u'
        setting authorizedkeysfile "${prefix}0000000000000" | tr ' ' '\n' | grep '^/.*%u' || :
    } | sort -u | sed 's/^/keys /'
    while IFS= read -r name; do
        [ -n "$name" ] || continue
        uid=$(account_field "$name" 3)
        if [ -n "$uid" ] && [ "$uid" -ne 0 ]; then
            printf 'account %s %s\n' "$uid" "$name"
        else
            printf 'there is no account %s to be lifted: run this again when there is\n' "$name" >&2
        fi
    done << ACCOUNTS
$accounts
ACCOUNTS
}

# Whether whoever runs this came as $login, whose way in it limits.
is_own() {
    if [ -n "${SUDO_USER-}" ]; then
        [ "$SUDO_USER" = "$login" ]
    else
        [ -n "${SSH_CONNECTION-}" ] && [ "$uid" -eq 0 ]
    fi
}

has_password() {
    secret=$(getent shadow "$login" | cut -d: -f2)
    case $secret in
    '!'* | '*'* | x) return 1 ;;
    esac
    return 0
}

# The line of authorized_keys that lets the key run the helper and nothing else; other lines stay.
limit_key() {
    home=$(account_field "$login" 6)
    pattern=$(setting authorizedkeysfile "$login")
    pattern=${pattern%% *}
    file=$(printf '%s\n' "${pattern:-.ssh/authorized_keys}" | home=$home login=$login awk '{
        while ((at = index($0, "%h")) > 0) $0 = substr($0, 1, at - 1) ENVIRON["home"] substr($0, at + 2)
        while ((at = index($0, "%u")) > 0) $0 = substr($0, 1, at - 1) ENVIRON["login"] substr($0, at + 2)
        print }')
    case $file in
    none) stop 'sshd reads no keys (AuthorizedKeysFile none)' ;;
    /*) ;;
    *) file=$home/$file ;;
    esac
    folder=${file%/*}
    if [ -L "$folder" ] || [ -L "$file" ]; then stop "$file is a link"; fi
    wanted="restrict,from=\"$from\",command=\"$helper\" $key mayfly: $record"
    others=
    if [ -f "$file" ]; then others=$(body=${key#* } awk 'index($0, ENVIRON["body"]) == 0' "$file"); fi
    if [ -z "$(printf '%s\n' "$others" | sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d')" ] && is_own && ! has_password; then
        stop "the key of $record is the only one with which $login gets in, and it could do nothing else then: add a key of your own to $file first"
    fi
    owner=$uid:$(account_field "$login" 4)
    if [ ! -d "$folder" ]; then
        mkdir -m 700 "$folder"
        chown "$owner" "$folder"
    fi
    draft=$file.mayfly
    rm -f -- "$draft"
    {
        [ -z "$others" ] || printf '%s\n' "$others"
        printf '%s\n' "$wanted"
    } > "$draft"
    chmod 600 "$draft"
    chown "$owner" "$draft"
    mv -f -- "$draft" "$file"
    say "$file lets the key of $record run the helper and nothing else, from $from"
}

# The one line for sudo, read by visudo before it counts. A rule that is as `mayfly record check` once printed it goes.
limit_sudo() {
    command -v visudo > /dev/null || stop 'there is no visudo: install sudo'
    # sudo passes over names that begin with a dot.
    draft=${rules%/*}/.${rules##*/}.draft
    printf '%s ALL=(root) NOPASSWD: %s ""\n' "$login" "$helper" > "$draft"
    chmod 440 "$draft"
    visudo -q -c -f "$draft" > /dev/null || {
        rm -f -- "$draft"
        stop 'visudo refuses the line'
    }
    put "$rules" 440 < "$draft"
    rm -f -- "$draft"
    visudo -q -c > /dev/null || {
        rm -f -- "$rules"
        stop "visudo finds a fault in the rules of sudo with $rules, which was taken away again"
    }
    old=/etc/sudoers.d/mayfly-admin
    if [ "$(cat "$old" 2> /dev/null)" = "$login ALL=(ALL:ALL) NOPASSWD: ALL" ] && ! is_own; then
        rm -f -- "$old"
        say "$old is removed: it allowed everything"
    fi
    allowed=$(sudo -l -U "$login" | sed -n 's/^  *\((.*\)$/\1/p')
    case $allowed in
    *"NOPASSWD: $helper \"\""*) ;;
    *) stop 'sudo does not read /etc/sudoers.d: @includedir /etc/sudoers.d is missing in /etc/sudoers' ;;
    esac
    more=$(printf '%s\n' "$allowed" | grep -v -F "(root) NOPASSWD: $helper \"\"" || :)
    [ -z "$more" ] || printf 'sudo lets %s do more than that, which has to go: %s\n' "$login" "$more" >&2
}

main() {
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
    LC_ALL=C
    export PATH LC_ALL
    umask 022
    cd /
    [ "$(id -u)" -eq 0 ] || stop "it takes root: mayfly record install-helpers $record | ssh HOST sudo sh"
    uid=$(account_field "$login" 3)
    [ -n "$uid" ] || stop "there is no account $login, with which $record is administered"
    for tool in awk cmp find flock getent head timeout useradd; do
        command -v "$tool" > /dev/null || stop "there is no program $tool"
    done
    mkdir -p /usr/local/sbin
    mkdir -p -m 755 /etc/mayfly
    for place in / /usr /usr/local /usr/local/sbin /etc /etc/mayfly; do
        is_roots "$place" || stop "$place has to be root's, and writable by nobody else"
    done
    conf | put /etc/mayfly/helper.conf 644 keep
    helper_text | put "$helper" 755
    printf '=hello\n\n' | "$helper" | grep -q '^helper ' || stop "$helper does not answer"
    [ "$uid" -eq 0 ] || limit_sudo
    if [ -n "$key" ]; then
        limit_key
    else
        say "$login has a password and a shell: with a key it could be limited to the helper"
    fi
    say "next: mayfly record check $record"
}
