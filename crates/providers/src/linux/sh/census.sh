set -eu
# Which processes are an account's, and which sessions they make up. A process is the account's when it runs with its uid or
# was started by a log-in of it (the audit log-in uid, which sudo does not change). Processes of one log-in have the same
# audit session id, however often they fork; where the kernel keeps none, those of one tree make up a session.
#
# census UID MODE FROM UNTIL OLDER IDS: sets $count, the number of sessions in the scope, $pids, their processes, and
# $chosen, a line `PID SINCE` for each of them.
# MODE is `all`, `between` (logged in at or after FROM and not after UNTIL, in microseconds), `ours` (the IDS, each PID,
# PID@START or PID@START#AUDIT, with the start in clock ticks) or `foreign` (log-ins over SSH that are none of IDS and older than
# OLDER seconds).
census() {
    micros
    read -r uptime idle < /proc/uptime
    taken=$({
        grep -s -H -E '^(Name|State|PPid|Uid|Threads):' /proc/[0-9]*/status
        grep -s -H '' /proc/[0-9]*/loginuid /proc/[0-9]*/sessionid
    } | uid=$1 mode=$2 from=$3 until=$4 older=$5 ids=$6 now=$now uptime=$uptime \
        hz=$(getconf CLK_TCK 2> /dev/null || echo 100) awk "$census_program" || :)
    case $taken in
    *"$newline"*) chosen=${taken#*"$newline"} ;;
    *) chosen= ;;
    esac
    taken=${taken%%"$newline"*}
    count=${taken%% *}
    pids=${taken#* }
    case $count in
    '' | *[!0-9]*) fail census ;;
    esac
}

# A process can call itself anything, also with line breaks; only /proc/PID/status escapes that. Of /proc/PID/stat
# what stands behind the last bracket counts.
census_program='
function start_of(pid,   file, line, last, fields) {
    file = "/proc/" pid "/stat"; last = ""
    while ((getline line < file) > 0) last = line
    close(file)
    sub(/^.*\)/, "", last)
    split(last, fields, " ")
    ticks[pid] = fields[20]
    return now - (uptime - ticks[pid] / hz) * 1000000
}
function group_of(pid,   file, line, all) {
    file = "/proc/" pid "/cgroup"; all = ""
    while ((getline line < file) > 0) all = all line "\n"
    close(file)
    return all
}
function through_sshd(pid,   steps) {
    for (steps = 0; steps < 64 && pid in uids; steps++) {
        if (real[pid] == 0 && name[pid] ~ /^sshd/) return 1
        pid = parent[pid]
    }
    return 0
}
function key_of(pid,   steps) {
    if (audit[pid] != "" && audit[pid] != "4294967295") return "a" audit[pid]
    for (steps = 0; steps < 64 && parent[pid] in mine; steps++) pid = parent[pid]
    return "p" pid
}
BEGIN {
    uid = ENVIRON["uid"]; mode = ENVIRON["mode"]; now = ENVIRON["now"] + 0; uptime = ENVIRON["uptime"] + 0
    hz = ENVIRON["hz"] + 0; if (hz <= 0) hz = 100
}
{
    rest = substr($0, 7); at = index(rest, "/"); pid = substr(rest, 1, at - 1)
    rest = substr(rest, at + 1); at = index(rest, ":"); file = substr(rest, 1, at - 1); value = substr(rest, at + 1)
    if (file == "loginuid") login[pid] = value
    else if (file == "sessionid") audit[pid] = value
    else {
        split(value, word, /[ \t]+/)
        if (word[1] == "Uid:") { real[pid] = word[2]; uids[pid] = " " word[2] " " word[3] " " word[4] " " word[5] " " }
        else if (word[1] == "PPid:") parent[pid] = word[2]
        else if (word[1] == "State:") state[pid] = word[2]
        else if (word[1] == "Threads:") threads[pid] = word[2]
        else if (word[1] == "Name:") name[pid] = word[2]
    }
}
END {
    # A process that has ended but for its entry is none; one whose first thread alone has ended is one.
    for (pid in uids)
        if ((index(uids[pid], " " uid " ") || login[pid] == uid) && !(state[pid] ~ /^[ZX]/ && threads[pid] < 2)) mine[pid] = 1
    count = split(ENVIRON["ids"], listed, " ")
    for (i = 1; i <= count; i++) {
        n = split(listed[i], part, /[@#]/)
        wanted[part[1]] = n > 1 ? part[2] : ""
        if (n > 2 && part[3] != "" && part[3] != "4294967295") is_ours["a" part[3]] = 1
    }
    for (pid in mine) {
        key = key_of(pid); keys[key] = 1; of[pid] = key
        started = start_of(pid)
        # A connection may wait long before it logs in; what runs as the account has logged in.
        if (real[pid] == uid && (!(key in as_user) || started < as_user[key])) as_user[key] = started
        if (!(key in earliest) || started < earliest[key]) { earliest[key] = started; first[key] = pid }
        if ((pid in wanted) && (wanted[pid] == "" || wanted[pid] == ticks[pid])) is_ours[key] = 1
        if (!(key in sshd) && through_sshd(pid)) sshd[key] = 1
        groups = group_of(pid)
        if (!(groups ~ ("/user@" uid "\\.service/init\\.scope"))) more[key] = 1
        if (!(groups ~ /\/system\.slice\//) || groups ~ /\/sshd?(@[^\/]*)?\.service/) outside[key] = 1
    }
    # The manager of a user, where systemd starts one, is no session of its own beside others.
    others = 0
    for (key in keys) if (key in more) others++
    total = 0
    for (key in keys) {
        begun = (key in as_user) ? as_user[key] : earliest[key]
        # A service that process 1 keeps is no log-in.
        service = key ~ /^p/ && !(key in sshd) && !(key in outside)
        chosen = 0
        if (mode == "all") chosen = 1
        else if (mode == "ours") chosen = key in is_ours
        else if (mode == "foreign") chosen = !(key in is_ours) && (key in sshd) && begun < now - ENVIRON["older"] * 1000000
        else chosen = !service && begun >= ENVIRON["from"] + 0 && (ENVIRON["until"] == "" || begun <= ENVIRON["until"] + 0)
        if (!chosen) continue
        in_scope[key] = 1
        if ((key in more) || others == 0) total++
    }
    printf "%d", total
    for (pid in mine) if (of[pid] in in_scope) printf " %s", pid
    printf " \n"
    for (key in in_scope) printf "%s %.0f\n", first[key], (key in as_user) ? as_user[key] : earliest[key]
}'
