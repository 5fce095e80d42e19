# Takes away what a host leaves on the machine when its processes have ended: the interface $1 and the control groups $2.
set -eu
# Both may be gone already, or never have been.
ip link delete "$1" 2> /dev/null || :
try=0
while groups=$(find /sys/fs/cgroup -type d -name "$2" -prune 2> /dev/null || :); [ -n "$groups" ] && [ "$try" -lt 200 ]; do
    for group in $groups; do
        find "$group" -type d -delete 2> /dev/null || :
    done
    # Until the last of their processes is buried they are busy.
    try=$((try + 1))
    sleep 0.02
done
