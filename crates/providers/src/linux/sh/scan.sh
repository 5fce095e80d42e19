# Lists the accounts whose name begins with a prefix or whose GECOS field looks like a mark, whoever made them. Changes nothing.
# Values: a name that begins with the prefix, our address, how many at most, the prefix.
set -eu
name=${1#=} from=${2#=} most=${3#=} prefix=${4#=}
say 'mayfly 1'
say "keys $(setting "$(sshd_settings "$name" "$from")" authorizedkeysfile)"
micros
say "now $now"
prefix=$prefix most=$most awk -F: '
    { mark = $5; sub(/,.*/, "", mark) }
    index($1, ENVIRON["prefix"]) == 1 || index(mark, "mayfly ins_") == 1 {
        if (++count > ENVIRON["most"] + 0) exit
        print
    }' /etc/passwd | while IFS= read -r entry; do
    name=$(field 1) uid=$(field 3) gecos=$(field 5) home=$(field 6)
    shadow=$(getent shadow "$name" || :)
    part_of "$shadow" 3
    changed=$part
    part_of "$shadow" 8
    expires=$part
    made=$(stat -c %W -- "$home" 2> /dev/null || :)
    case $made in
    '' | 0 | *[!0-9]*)
        # The day of the last change of the password, which is that of the making.
        case $changed in
        '' | *[!0-9]*) made= ;;
        *) made=$((changed * 86400)) ;;
        esac
        ;;
    esac
    last=$(last -F -w -n 1 -- "$name" 2> /dev/null | awk 'NR == 1 &&
        match($0, /[A-Z][a-z][a-z] [A-Z][a-z][a-z] [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] [0-9][0-9][0-9][0-9]/) {
            print substr($0, RSTART, RLENGTH)
        }')
    [ -z "$last" ] || last=$(date -d "$last" +%s 2> /dev/null || :)
    log_in=yes
    case $expires in
    '' | *[!0-9]*) expires= ;;
    *) [ "$expires" -gt "$((now / 86400000000))" ] || log_in=no ;;
    esac
    census "$uid" all '' '' '' ''
    sudoers=no
    path=/etc/sudoers.d/mayfly-$(printf '%s' "$name" | tr . +)
    [ ! -e "$path" ] || sudoers=yes
    say "found $uid:$name:${gecos%%,*}:$home:$expires:$made:$last:$log_in:$count:$sudoers"
done
say 'done'
