#!/bin/sh
# The service manager is told by the command: what, in which order, as whom, and under
# another root; and programs know nothing of it.  D2 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

if ! present socat; then
	skip "the manager is told" "no socat here"
	done_testing
fi

NOTIFY_SOCKET=$tap_dir/notify
export NOTIFY_SOCKET
chmod 755 "$tap_dir"
told=$tap_dir/told

# manage: a manager that keeps what it is told, a line each
manage() {
	: >"$told"
	rm -f "$NOTIFY_SOCKET"
	socat -u "UNIX-RECV:$NOTIFY_SOCKET,mode=0777" "OPEN:$told,append" &
	manager=$!
	tap_pids="$tap_pids $manager"
	within 10 test -S "$NOTIFY_SOCKET"
}

# told_of LINE [N]: so often
told_of() {
	[ "$(grep -c -x -e "$1" "$told")" -ge "${2:-1}" ]
}

# hears SENTENCE LINE [N]
hears() {
	if within 20 told_of "$2" "${3:-1}"; then
		pass "$1"
	else
		fail "$1"
		note "$(cat "$told")"
	fi
}

ask() {
	echo ohai | timeout 20 nc.openbsd -N "$@"
}

hear() {
	timeout 20 nc.openbsd -N "$@" </dev/null
}

# ------------------------------------------------------------------ from ready to the end

manage
serve --echo 127.0.0.1:0
hears "it is ready" READY=1
hears "with its status" 'STATUS=serving: 0 connected, 0 accepted, 0 refused'
is "and clients are served" "$(ask 127.0.0.1 "$port")" ohai
finish TERM
hears "it stops" STOPPING=1
is "each once, and in that order" "$(grep -xE '(READY|STOPPING)=1' "$told" | tr '\n' ' ')" \
	"READY=1 STOPPING=1 "
is "exit 0" "$status" 0

for workers in 1 3; do
	manage
	serve --workers $workers --echo 127.0.0.1:0
	hears "$workers workers: it is ready" READY=1
	finish TERM
	hears "$workers workers: it stops" STOPPING=1
	is "$workers workers: the supervisor alone tells" "$(grep -cxE '(READY|STOPPING)=1' "$told")" 2
done

# ----------------------------------------------------------------------------- reload

manage
echo 'allow 0.0.0.0/0' >"$tap_dir/rules"
serve --rules "$tap_dir/rules" --echo 127.0.0.1:0
hears "before a reload: ready" READY=1
kill -HUP "$server"
hears "a reload is told" RELOADING=1
hears "and its end" READY=1 2
is "with the time of the manager's clock" "$(grep -c '^MONOTONIC_USEC=[0-9][0-9]*$' "$told")" 1
echo nonsense >"$tap_dir/rules"
kill -HUP "$server"
hears "rules that stay as they were end a reload, too" READY=1 3
finish TERM

# --------------------------------------------------------------------------- watchdog

manage
WATCHDOG_USEC=400000 "$HARK" serve -1 --model serial --echo 127.0.0.1:0 \
	>"$tap_dir/port" 2>"$tap_dir/log" &
server=$!
tap_pids="$tap_pids $server"
hears "it is alive" WATCHDOG=1 2
port=$(cat "$tap_dir/port")
stays busy 127.0.0.1 "$port"
within 20 told_of 'STATUS=serving: 1 connected, 1 accepted, 0 refused'
before=$(grep -c WATCHDOG=1 "$told")
hears "and so it is while its only thread is busy" WATCHDOG=1 $((before + 2))
leave "$stayed"
kill -STOP "$server"
within 20 sh -c 'grep -q "State:.T" /proc/'"$server"'/status'
cp "$told" "$tap_dir/before"
kill -CONT "$server"
hears "one that was stopped is heard again" WATCHDOG=1 $(($(grep -c WATCHDOG=1 "$tap_dir/before") + 1))
finish TERM

# --------------------------------------------------------- programs know nothing of it

manage
LISTEN_FDNAMES=x LISTEN_PID=1 LISTEN_FDS=1 WATCHDOG_USEC=9000000 WATCHDOG_PID=1 LISTEN_PIDFDID=7 \
	"$HARK" serve -1 127.0.0.1:0 -- sh -c 'env; ls -l /proc/self/fd' \
	>"$tap_dir/port" 2>"$tap_dir/log" &
server=$!
tap_pids="$tap_pids $server"
hears "with programs: it is ready" READY=1
hear 127.0.0.1 "$(cat "$tap_dir/port")" >"$tap_dir/env"
has "a program has its own variables" "$(cat "$tap_dir/env")" PROTO=TCP
is "and none of the manager's" "$(grep -cE '^(NOTIFY_SOCKET|WATCHDOG|LISTEN_)' "$tap_dir/env")" 0
finish TERM
is "another's watchdog is not told" "$(grep -c WATCHDOG=1 "$told")" 0

# ---------------------------------------------------------------- another root, another user

if [ "$(id -u)" = 0 ]; then
	mkdir "$tap_dir/root"
	manage
	serve --chroot "$tap_dir/root" --user nobody --echo 127.0.0.1:0
	hears "from another root, as somebody else: it is ready" READY=1
	finish TERM
	hears "and stops" STOPPING=1
else
	skip "from another root, as somebody else: it is ready" "needs root"
fi

# ------------------------------------------------------------------------ a hot restart

for served in "--echo" "--workers 2 --echo" "-- cat"; do
	manage
	# shellcheck disable=SC2086
	serve 127.0.0.1:0 $served
	hears "$served: ready" READY=1
	first=$server
	kill -USR2 "$server"
	within 20 logged 'has taken over' 1
	server=$(sed -n 's/^hark: process \([0-9]*\) has taken over$/\1/p' "$log")
	tap_pids="$tap_pids $server"
	hears "$served: the successor is the service" "MAINPID=$server"
	hears "$served: and says that it is ready" READY=1 2
	wait "$first"
	is "$served: the old one says nothing of its end" \
		"$(grep -xE '(READY|STOPPING|MAINPID)=.*' "$told" | tr '\n' ' ')" \
		"READY=1 MAINPID=$server READY=1 "
	kill "$server"
	hears "$served: the last one does" STOPPING=1
	kill "$manager"
	wait "$manager" 2>/dev/null
done

# -------------------------------------------------------------------- what is wrong with it

serve --echo 127.0.0.1:0
within 10 logged NOTIFY_SOCKET 1
has "a manager that has gone is told of" "$(cat "$log")" "cannot use 'NOTIFY_SOCKET'"
is "and clients are served" "$(ask 127.0.0.1 "$port")" ohai
finish TERM
is "and it ends well" "$status" 0

for wrong in vsock:2:1234 run/notify /; do
	NOTIFY_SOCKET=$wrong
	serve --echo 127.0.0.1:0
	within 10 logged NOTIFY_SOCKET 1
	has "'$wrong' is told of" "$(cat "$log")" "'NOTIFY_SOCKET'" "'$wrong'"
	is "'$wrong': and clients are served" "$(ask 127.0.0.1 "$port")" ohai
	finish TERM
done

done_testing
