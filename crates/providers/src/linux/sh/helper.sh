set -eu
# What stands between an administrative key and the host's root: an operation is done only when each of its values is one that
# /etc/mayfly/helper.conf takes. That file is root's; a line of it is a key, a blank, and a value:
#   installation ins_…     whose marks accounts carry
#   prefix keeper_         what the names of accounts that are made start with
#   ids 65536 99999        a range of their ids
#   homes /home            where their homes are
#   keys /etc/ssh/x/%u     a file of their keys outside of the home
#   shell /bin/bash        a log-in shell of theirs
#   swept /tmp             a place that is searched for what they leave
#   group docker           a local group that accounts are put into
#   account 1000 deploy    the id and the name of an existing account that is lifted

conf=/etc/mayfly/helper.conf
listed_installation= listed_prefix= listed_ids= listed_homes= listed_keys= listed_shell= listed_swept= listed_group=
listed_account=
newline='
'

# Ends because something is not taken: in which respect, and what it is.
refuse() {
    say 'mayfly 1'
    fail "refused $*"
}

# Whether a path is root's, no link, and can be changed by nobody else.
is_roots() {
    [ -n "$(find "$1" -prune ! -type l -user 0 ! -perm -020 ! -perm -002 2> /dev/null)" ]
}

read_conf() {
    for place in /etc /etc/mayfly "$conf"; do
        is_roots "$place" || refuse conf "$place"
    done
    while IFS= read -r entry; do
        key=${entry%% *}
        case $key in
        '' | '#'*) ;;
        installation | prefix | ids | homes | keys | shell | swept | group | account)
            # The key is one of these words, and the value is not looked at.
            eval "listed_$key=\$listed_$key\$newline\${entry#* }\$newline"
            ;;
        *) refuse conf "$key" ;;
        esac
    done < "$conf"
}

# Whether the value $2 stands in the configuration under the key $1.
is_listed() {
    eval "values=\$listed_$1"
    case $values in
    *"$newline$2$newline"*) return 0 ;;
    esac
    return 1
}

allow() {
    is_listed "$1" "$2" || refuse "$1" "$2"
}

# Whether a name is one that only accounts of ours have.
is_ours() {
    while IFS= read -r prefix; do
        [ -n "$prefix" ] || continue
        case $1 in
        "$prefix"?????????????) ;;
        *) continue ;;
        esac
        case ${1#"$prefix"} in
        *[!0123456789abcdefghjkmnpqrstvwxyz]*) ;;
        *) return 0 ;;
        esac
    done << LIST
$listed_prefix
LIST
    return 1
}

# Whether a name is an existing account's that may be lifted.
is_account() {
    while IFS= read -r entry; do
        if [ -n "$entry" ] && [ "${entry#* }" = "$1" ]; then return 0; fi
    done << LIST
$listed_account
LIST
    return 1
}

is_in_range() {
    while read -r first last; do
        [ -n "$first" ] || continue
        if [ "$1" -ge "$first" ] && [ "$1" -le "$last" ]; then return 0; fi
    done << LIST
$listed_ids
LIST
    return 1
}

# What a check of the record is told of the helper itself: paths that others could change, what the record needs and is not listed.
helper_state() {
    for place in / /usr /usr/local "${self%/*}" "$self" /etc /etc/mayfly "$conf"; do
        is_roots "$place" || say "loose $place"
    done
    [ -z "$group" ] || is_listed group "$group" || say "unlisted group $group"
    is_listed ids "$least $most" || say "unlisted ids $least $most"
    say "digest $(sha256sum "$self" | cut -d ' ' -f 1)"
}

# What each value of an operation is, in their order; one with a question mark may be empty.
kinds_of() {
    scope='mode number? number? number? sessions?'
    account='lock ours mark id? home'
    case $1 in
    survey) kinds='any group? shell address swept key?' ;;
    check) kinds='any_text? ours address number number key? any_text' ;;
    open_account)
        kinds='lock number ours mark least most shell home number group? gid? keys? key address number yes_or_no number?'
        ;;
    free_ids) kinds='least most' ;;
    look_account) kinds="$account swept? $scope" ;;
    disable_account) kinds="$account keys?" ;;
    end_account) kinds=$account ;;
    hand_over_account) kinds="$account swept" ;;
    remove_account) kinds="$account keys? swept yes_or_no" ;;
    open_membership) kinds='lock number existing uid gid change' ;;
    look_membership) kinds="lock existing uid gid change yes_or_no $scope" ;;
    withdraw) kinds='lock existing uid gid change yes_or_no swept?' ;;
    end_some) kinds="lock owner $scope" ;;
    open_companion) kinds='lock number path lines' ;;
    scan) kinds='ours address number prefix' ;;
    holders) kinds='any_text? number' ;;
    look_companion) kinds='lock path lines verb' ;;
    *) refuse operation "$1" ;;
    esac
}

# Holds the values of the operation $1 against what they may be.
check_values() {
    operation=$1 name= home= group= path=
    shift
    kinds_of "$operation"
    set -f
    for kind in $kinds; do
        [ $# -gt 0 ] || refuse form "values of $operation"
        value=${1#=}
        shift
        case $kind in
        *'?')
            [ -n "$value" ] || continue
            kind=${kind%?}
            ;;
        esac
        "check_$kind" "$value"
    done
    set +f
    [ $# -eq 0 ] || refuse form "values of $operation"
}

check_any_text() {
    :
}

check_lock() {
    case $1 in
    [0123456789abcdef][0123456789abcdef]) ;;
    *) refuse form lock ;;
    esac
}

check_prefix() {
    is_listed prefix "$1" || refuse prefix "$1"
}

check_number() {
    case $1 in
    '' | *[!0123456789]*) refuse form number ;;
    esac
    [ "${#1}" -le 18 ] || refuse form number
}

check_ours() {
    is_ours "$1" || refuse prefix "$1"
    name=$1
}

check_existing() {
    is_account "$1" || refuse account "$1"
    name=$1
}

# For reading: also what is not there, which is said then.
check_any() {
    case $1 in
    '' | -*) refuse form name ;;
    esac
    if ! is_ours "$1"; then
        passwd_entry "$1" 1
        [ -z "$entry" ] || allow account "$(field 3) $1"
    fi
}

check_uid() {
    check_number "$1"
    allow account "$1 $name"
}

# The id of whose sessions are ended: an account's of ours, or one's that may be lifted.
check_owner() {
    check_number "$1"
    is_in_range "$1" && return 0
    case $listed_account in
    *"$newline$1 "*) ;;
    *) refuse ids "$1" ;;
    esac
}

check_id() {
    check_number "$1"
    is_in_range "$1" || refuse ids "$1"
}

check_least() {
    check_number "$1"
    from_id=$1
}

check_most() {
    check_number "$1"
    allow ids "$from_id $1"
}

check_mark() {
    case $1 in
    'mayfly ins_'????????????????' ses_'????????????????) ;;
    *) refuse form mark ;;
    esac
    case ${1#mayfly } in
    *[!abcdefghijklmnopqrstuvwxyz0123456789_\ ]*) refuse form mark ;;
    esac
    mark=${1#mayfly }
    allow installation "${mark%% *}"
}

check_shell() {
    allow shell "$1"
}

check_home() {
    allow homes "${1%/*}"
    [ "${1##*/}" = "$name" ] || refuse form home
    home=$1
}

check_keys() {
    case $1 in
    */../* | */./* | *//* | */ | */.. | */. | *[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-]*)
        refuse form keys
        ;;
    "$home"/*) return 0 ;;
    esac
    while IFS= read -r pattern; do
        case $pattern in
        *%u*) [ "$1" != "${pattern%%'%u'*}$name${pattern#*'%u'}" ] || return 0 ;;
        esac
    done << LIST
$listed_keys
LIST
    refuse keys "$1"
}

check_key() {
    case $1 in
    'ssh-ed25519 AAAA'*) ;;
    *) refuse form key ;;
    esac
    case ${1#ssh-ed25519 } in
    *[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=]*) refuse form key ;;
    esac
    [ "${#1}" -le 100 ] || refuse form key
}

check_address() {
    case $1 in
    '' | *[!0123456789abcdefABCDEF:.]*) refuse form address ;;
    esac
}

check_group() {
    group=$1
    if [ "$operation" = survey ]; then
        # One that is not there is said to be missing.
        group_line "$1" 1
        [ -n "$line" ] || return 0
    fi
    allow group "$1"
}

# The group's id: of a listed one, or of none at all, in which nobody can be.
check_gid() {
    check_number "$1"
    [ "$1" -ne 0 ] || refuse group 'with the id 0'
    group_line "$1" 3
    [ -z "$line" ] || allow group "${line%%:*}"
}

check_swept() {
    set -f
    for place in $1; do
        allow swept "$place"
    done
    set +f
}

check_mode() {
    case $1 in
    all | between | ours | foreign) ;;
    *) refuse form mode ;;
    esac
}

check_sessions() {
    case $1 in
    *[!0123456789@#\ ]*) refuse form sessions ;;
    esac
}

check_change() {
    case $1 in
    chg_????????????????) ;;
    *) refuse form change ;;
    esac
    case ${1#chg_} in
    *[!0123456789abcdefghijklmnopqrstuvwxyz]*) refuse form change ;;
    esac
}

check_yes_or_no() {
    case $1 in
    yes | no) ;;
    *) refuse form 'yes or no' ;;
    esac
}

check_verb() {
    case $1 in
    look | remove) ;;
    *) refuse form verb ;;
    esac
}

check_path() {
    path=$1
}

# A file for sudo spares one account the question for a password it has not, and says nothing else.
check_lines() {
    heading='# Made by Mayfly for one session and removed after it.|Defaults:'
    name=${1#"$heading"}
    name=${name%' !authenticate'}
    [ "$1" = "$heading$name !authenticate" ] || refuse form lines
    case $name in
    '' | *[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-]*) refuse form lines ;;
    esac
    is_ours "$name" || is_account "$name" || refuse account "$name"
    [ "$path" = "/etc/sudoers.d/mayfly-$(printf '%s' "$name" | tr . +)" ] || refuse form path
}
