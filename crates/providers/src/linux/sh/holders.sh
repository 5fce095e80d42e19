# Lists the accounts of this host's own files that can become root for good, or are in a group for good: those with the id 0, those that
# a rule of sudo names, themselves or through a group or an alias, and the members of the group. Changes nothing.
# Values: the group, or nothing; how many rights at most.
set -eu
group=${1#=} most=${2#=}
say 'mayfly 1'
set --
for path in /etc/sudoers /etc/sudoers.d/*; do
    case ${path#/etc/sudoers.d/} in
    /etc/sudoers) ;;
    # These sudo leaves out itself (sudoers(5), "Including other files").
    *.* | *'~') continue ;;
    esac
    [ ! -f "$path" ] || set -- "$@" "$path"
done
# Whom the rules name, one a line, and the file. A line of a rule is users, hosts, an equals sign, and what they may.
named=$([ $# = 0 ] || awk '
    function trimmed(text) {
        gsub(/^[ \t]+|[ \t]+$/, "", text)
        return text
    }
    function tell(list, file, depth, count, at, parts, one) {
        count = split(list, parts, ",")
        for (at = 1; at <= count; at++) {
            one = trimmed(parts[at])
            sub(/[ \t].*/, "", one)
            gsub(/"/, "", one)
            if (one in alias && depth < 8) tell(alias[one], file, depth + 1)
            else if (one != "" && one !~ /^!/) print one ":" file
        }
    }
    {
        line = held $0
        held = ""
        if (line ~ /\\$/) {
            held = substr(line, 1, length(line) - 1)
            next
        }
        line = trimmed(line)
        if (line ~ /^User_Alias[ \t]/) {
            sub(/^User_Alias[ \t]+/, "", line)
            count = split(line, defined, ":")
            for (at = 1; at <= count; at++) {
                equals = index(defined[at], "=")
                alias[trimmed(substr(defined[at], 1, equals - 1))] = substr(defined[at], equals + 1)
            }
            next
        }
        # A sign in front of a number is an id; else it begins a comment.
        if (line ~ /^(#[^0-9]|#$|@|Defaults|[A-Z][a-z]+_Alias)/ || !index(line, "=")) next
        who = trimmed(substr(line, 1, index(line, "=") - 1))
        sub(/[ \t]+[^ \t]*$/, "", who)
        rule[++rules] = who
        file[rules] = FILENAME
    }
    END { for (at = 1; at <= rules; at++) tell(rule[at], file[at], 0) }' "$@")
set -- /etc/group
[ ! -r /etc/shadow ] || set -- "$@" /etc/shadow
printf '%s\n' "$named" | today=$(($(date +%s) / 86400)) group=$group most=$most awk -F: '
    function add(name, right) {
        if (!seen[name, right]++) rights[name, ++many[name]] = right
    }
    function held(uid, name, expires, right) {
        if (told++ < ENVIRON["most"] + 0) print "held " uid ":" name ":" expires ":" right
    }
    NR == FNR {
        if ($1 ~ /^%#/) by_gid[substr($1, 3)] = $2
        else if ($1 ~ /^%/) by_group[substr($1, 2)] = $2
        else if ($1 ~ /^#/) by_uid[substr($1, 2)] = $2
        else if ($1 != "") by_name[$1] = $2
        next
    }
    FILENAME == "/etc/group" {
        right = ""
        if ($1 in by_group) right = "sudo as a member of " $1 " (" by_group[$1] ")"
        else if ($3 in by_gid) right = "sudo as a member of " $1 " (" by_gid[$3] ")"
        else if ($1 == ENVIRON["group"]) right = "member of " $1
        if (right == "") next
        primary[$3] = right
        count = split($4, members, ",")
        for (at = 1; at <= count; at++) add(members[at], right)
        next
    }
    FILENAME == "/etc/shadow" {
        expires[$1] = $8
        next
    }
    {
        if (expires[$1] != "" && expires[$1] + 0 <= ENVIRON["today"] + 0) next
        if ($3 == 0) add($1, "id 0")
        if ($1 in by_name) add($1, "sudo (" by_name[$1] ")")
        if ($3 in by_uid) add($1, "sudo (" by_uid[$3] ")")
        if ("ALL" in by_name) add($1, "sudo as everybody (" by_name["ALL"] ")")
        if ($4 in primary) add($1, primary[$4])
        for (at = 1; at <= many[$1]; at++) held($3, $1, expires[$1], rights[$1, at])
    }' - "$@" /etc/passwd
say 'done'
