#!/bin/sh
# A chat between three netcats.  S2 S5 S6
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

if ! present nc.openbsd; then
	skip "chat" "nc.openbsd is not installed"
	done_testing
fi

# comes NAME: its client in the background; what is written to NAME.in it sends, and what it
# was told is in NAME.  $client is its pid.
comes() {
	mkfifo "$tap_dir/$1.in"
	nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/$1" <"$tap_dir/$1.in" 3>&- 4>&- 5>&- &
	client=$!
	tap_pids="$tap_pids $client"
}

# reads NAME LINE: sooner or later
reads() {
	if within 20 grep -qxF "$2" "$tap_dir/$1"; then
		pass "$1 reads '$2'"
	else
		fail "$1 reads '$2'"
		note "$(tail -n 5 "$tap_dir/$1")"
	fi
}

free_port
start chat "127.0.0.1:$port"

comes anna
exec 3>"$tap_dir/anna.in"
reads anna "your name?"
echo anna >&3
comes berta
exec 4>"$tap_dir/berta.in"
berta=$client
echo berta >&4
reads anna "berta is here"
echo ohai >&3
reads berta "anna: ohai"
printf 'half a ' >&4
printf 'line\r\nand another\n' >&4
reads anna "berta: half a line"
reads anna "berta: and another"
is "nobody reads what he said himself" "$(grep -c 'anna:' "$tap_dir/anna")" 0
printf 'clear\033[2J your screen\n' >&3
reads berta "anna: clear?[2J your screen"

# One that does not read.  More is said than all buffers between it and the server hold.
comes clara
exec 5>"$tap_dir/clara.in"
echo clara >&5
reads berta "clara is here"
kill -STOP "$berta"
awk 'BEGIN { for (i = 0; i < 390; i++) s = s "x"; for (i = 0; i < 60000; i++) print s }' >&3
echo "after all that" >&3
reads clara "anna: after all that"
is "while another has not read it" "$(grep -c 'after all that' "$tap_dir/berta")" 0
kill -CONT "$berta"
reads berta "anna: after all that"
has "who does not read loses lines, and is told" "$(grep -v x "$tap_dir/berta")" \
	" lines were lost)"

head -c 500 /dev/zero | tr '\0' x >&5
reads clara "too long a line"
reads anna "clara has gone"
exec 5>&-
wait "$client"
is "who goes ends well" $? 0
kill -KILL "$berta"
reads anna "berta has gone"

finish TERM
is "SIGTERM: ends cleanly" "$status" 0
reads anna goodbye
done_testing
