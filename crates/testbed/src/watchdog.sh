# Waits until standard input ends, which it does when the process that holds the other end drops it or dies, however it
# dies. Then ends every process whose working directory lies in the directory $1, first with the signal $2, runs the
# directory's last.sh, if it has one, and removes the directory. A process is known by its working directory, not by its
# id: ids change at a restart and are used again.
trap '' HUP INT TERM QUIT PIPE
cat > /dev/null

inside() {
    find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*' -name cwd \
        \( -lname "$1" -o -lname "$1/*" -o -lname "$1 (deleted)" \) -printf '%h\n' 2> /dev/null | sed 's|^/proc/||'
}

try=0
while pids=$(inside "$1"); [ -n "$pids" ] && [ "$try" -lt 200 ]; do
    signal=$2
    [ "$try" -gt 50 ] && signal=KILL
    if [ "$try" -eq 0 ] || [ "$try" -gt 50 ]; then
        kill -s "$signal" $pids 2> /dev/null
        kill -s CONT $pids 2> /dev/null
    fi
    try=$((try + 1))
    sleep 0.05
done
[ ! -f "$1/last.sh" ] || sh "$1/last.sh"
rm -rf -- "$1"
