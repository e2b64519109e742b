#!/bin/sh
# The ends of programs and of their server: what is told about them, who goes on and who
# is waited for.  K1 K2 W4
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# Of a server that may be silent: $port comes by its standard output.
serve_silently() {
	: >"$tap_dir/port"
	log=$tap_dir/log.$tap_count
	"$HARK" serve -1 "$@" >"$tap_dir/port" 2>"$log" &
	server=$!
	tap_pids="$tap_pids $server"
	within 10 test -s "$tap_dir/port"
	port=$(head -n 1 "$tap_dir/port")
}

# ask: what the program says to a client that says nothing
ask() {
	timeout 20 nc.openbsd -N 127.0.0.1 "$port" </dev/null
}

# enter NAME: a client that says what is written to descriptor 3, until that is closed
enter() {
	mkfifo "$tap_dir/in.$1"
	nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/in.$1" >"$tap_dir/out.$1" &
	client=$!
	tap_pids="$tap_pids $client"
	exec 3>"$tap_dir/in.$1"
}

logged() {
	grep -q "$1" "$log"
}

nobody_listens() {
	[ -z "$(ss -ltnH "sport = :$port")" ]
}

no_children() {
	[ -z "$(ps -o pid= --ppid "$server")" ]
}

# ----------------------------------------------------------------------- what is told

serve -v 127.0.0.1:0 -- sh -c 'exit 3'
ask
within 10 logged '^hark: end '
begin=$(grep '^hark: begin ' "$log") end=$(grep '^hark: end ' "$log")
pid=${begin#hark: begin } pid=${pid%%,*}
from=${begin#*, from } from=${from%% to *}
is "the begin: who, from where, to where, how many" "$begin" \
	"hark: begin $pid, from $from to 127.0.0.1:$port, 1 of 256"
is "the client's address is one" "$(echo "$from" | sed 's/:[0-9][0-9]*$//')" 127.0.0.1
is "the end: who, from where, exit code, how long" \
	"$(echo "$end" | sed 's/[0-9]\.[0-9][0-9][0-9] s/T s/')" \
	"hark: end $pid, from $from, exit code 3, T s, 0 of 256"
finish TERM

# ended WORD PROGRAM-TEXT: what the log says of how it ended
ended() {
	serve -v 127.0.0.1:0 -- sh -c "$2"
	ask
	within 10 logged '^hark: end '
	has "told as: $1" "$(grep '^hark: end ' "$log")" ", $1, "
	finish TERM
}
ended "exit code 0" 'exit 0'
ended "exit code 255" 'exit 255'
ended "signal SIGKILL" 'kill -KILL $$'
ended "signal SIGTERM" 'kill -TERM $$'
ended "signal SIGUSR1" 'kill -USR1 $$'

# The conversation takes at least as long as we saw it going on.
now_cs() {
	read -r now _ </proc/uptime
	echo "${now%.*}${now#*.}"
}
serve -v 127.0.0.1:0 -- cat
before=$(now_cs)
enter timed
within 10 logged '^hark: begin '
least=$(now_cs)
sleep 0.3
least=$(($(now_cs) - least))
exec 3>&-
wait "$client"
within 10 logged '^hark: end '
most=$(($(now_cs) - before))
took=$(sed -n 's/^hark: end .*, \([0-9]*\)\.\([0-9][0-9]\)\([0-9]\) s, .*/\1\2/p' "$log")
took=${took#0} took=${took#0} # not octal
[ "$((took + 2))" -ge "$least" ] && [ "$took" -le "$((most + 2))" ]
is "the time that it took is told ($least to $most hundredths: $took)" $? 0
finish TERM

serve 127.0.0.1:0 -- cat
is "(a conversation)" "$(echo ohai | nc.openbsd -N 127.0.0.1 "$port")" ohai
within 10 no_children
is "no line a client without --verbose" \
	"$(sed 's/:[0-9]*, backlog.*/:PORT/' "$log")" "hark: listening on 127.0.0.1:PORT"
finish TERM
has "but the end is told" "$(cat "$log")" "hark: stopping"

serve_silently --quiet -c 1 -C 1 127.0.0.1:0 -- cat
enter quiet
echo first >&3
within 10 grep -q first "$tap_dir/out.quiet"
exec 3>&-
wait "$client"
enter quiet2
echo second >&3
within 10 grep -q second "$tap_dir/out.quiet2"
finish TERM
exec 3>&-
wait "$client"
is "--quiet: exit 0" "$status" 0
is "--quiet is silent" "$(cat "$log")" ""
"$HARK" serve --quiet 1.2.3.4:80 -- cat 2>"$tap_dir/said"
is "but for errors" "$(wc -l <"$tap_dir/said" | tr -d ' ')" 1

# ------------------------------------------------------------------- signals to the server

for signal in TERM INT; do
	serve 127.0.0.1:0 -- cat
	enter "$signal"
	echo before >&3
	within 10 grep -q before "$tap_dir/out.$signal"
	finish "$signal"
	is "SIG$signal: exit 0 while a session goes on" "$status" 0
	has "SIG$signal: which is told" "$(cat "$log")" "to go on"
	old=$port
	serve "127.0.0.1:$port" --echo
	is "SIG$signal: the port is free for the next server" "$port" "$old"
	finish TERM
	echo after >&3
	within 10 grep -q after "$tap_dir/out.$signal"
	is "SIG$signal: and the session goes on" "$(tail -n 1 "$tap_dir/out.$signal")" after
	exec 3>&-
	wait "$client"
	is "SIG$signal: and ends in order" "$?:$(wc -l <"$tap_dir/out.$signal" | tr -d ' ')" 0:2
done

serve -v --wait 127.0.0.1:0 -- cat
enter wait
echo before >&3
within 10 grep -q before "$tap_dir/out.wait"
kill -TERM "$server"
within 10 logged waiting
has "--wait: it says whom it waits for" "$(cat "$log")" "waiting for 1 program"
kill -0 "$server"
is "--wait: it is there as long as the session" $? 0
nobody_listens
is "--wait: but nobody is let in any more" $? 0
echo after >&3
within 10 grep -q after "$tap_dir/out.wait"
exec 3>&-
wait "$client"
wait "$server"
is "--wait: exit 0 after the last" $? 0
is "--wait: and the session was whole" "$(tr "\n" " " <"$tap_dir/out.wait")" "before after "
has "--wait: its end is told" "$(cat "$log")" "exit code 0"

serve --wait 127.0.0.1:0 -- cat
enter wait2
echo before >&3
within 10 grep -q before "$tap_dir/out.wait2"
kill -TERM "$server"
within 10 logged waiting
finish TERM
# The manual: a second signal ends the waiting, and not the programs.  The exit codes of
# hark are 0, 100 and 111.
is "--wait: a second SIGTERM ends the waiting: exit 0" "$status" 0
echo after >&3
within 10 grep -q after "$tap_dir/out.wait2"
exec 3>&-
wait "$client"
is "--wait: but not the program" "$(tr "\n" " " <"$tap_dir/out.wait2")" "before after "

serve --wait 127.0.0.1:0 -- cat
is "(another conversation)" "$(echo ohai | nc.openbsd -N 127.0.0.1 "$port")" ohai
finish TERM
is "--wait: nobody there, nothing to wait for" "$status" 0

# Whoever started it may have blocked or ignored the signals.
trap '' TERM
serve 127.0.0.1:0 -- cat
trap 'exit 1' TERM
kill -TERM "$server"
within 5 logged stopping
is "SIGTERM was ignored: it ends all the same" $? 0
wait "$server"
is "with exit 0" $? 0
if env --block-signal=TERM true 2>/dev/null; then
	cat >"$tap_dir/blocked" <<-END
		#!/bin/sh
		exec env --block-signal=TERM,INT "$HARK" "\$@"
	END
	chmod +x "$tap_dir/blocked"
	real=$HARK
	HARK=$tap_dir/blocked
	serve 127.0.0.1:0 -- cat
	HARK=$real
	kill -TERM "$server"
	within 3 logged stopping
	is "SIGTERM was blocked: it ends all the same" $? 0
	kill -KILL "$server" 2>/dev/null
	wait "$server" 2>/dev/null
else
	skip "SIGTERM was blocked" "this env has no --block-signal"
fi

# The server is stopped, five clients connect and speak, it finds the signal and them
# together.
serve 127.0.0.1:0 -- cat
kill -STOP "$server"
for i in 1 2 3 4 5; do
	echo "waits $i" | timeout 20 nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/queued.$i" &
	eval "client$i=\$!"
done
five_wait() {
	ss -ltnH "sport = :$port" | awk '{ exit !($2 == 5) }'
}
within 10 five_wait
is "five clients wait in the queue at SIGTERM" $? 0
kill -TERM "$server"
kill -CONT "$server"
wait "$server"
is "exit 0" $? 0
for i in 1 2 3 4 5; do
	eval "wait \$client$i"
	is "queued client $i was served" "$(cat "$tap_dir/queued.$i")" "waits $i"
done

# ----------------------------------------------------------------------- nothing is left

serve -v 127.0.0.1:0 -- sh -c 'read -r line; echo "$line"; kill -KILL $$'
open_before=$(find "/proc/$server/fd" | wc -l)
clients=
for i in $(seq 50); do
	echo "client $i" | timeout 20 nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/many.$i" &
	clients="$clients $!"
done
for client in $clients; do
	wait "$client"
done
is "fifty conversations" "$(cat "$tap_dir"/many.* | sort -u | wc -l | tr -d ' ')" 50
within 10 no_children
is "no zombies after them" "$(ps -o pid=,stat= --ppid "$server")" ""
is "no descriptors" "$(find "/proc/$server/fd" | wc -l)" "$open_before"
is "each end was told once" "$(grep -c '^hark: end .*, signal SIGKILL, ' "$log")" 50
has "and the count is back" "$(grep '^hark: end ' "$log" | tail -n 1)" " 0 of 256"
finish TERM

# A program that is there at the start and gone later costs its client, and nobody else.
cp "$(command -v cat)" "$tap_dir/cat"
serve 127.0.0.1:0 -- "$tap_dir/cat"
mv "$tap_dir/cat" "$tap_dir/cat.away"
is "the program is gone: the client gets an end" "$(ask 2>&1)" ""
within 10 logged 'cannot start the program'
has "and the log says why" "$(cat "$log")" "'$tap_dir/cat'" ENOENT 127.0.0.1
mv "$tap_dir/cat.away" "$tap_dir/cat"
is "it is there again: so is the service" "$(echo ohai | nc.openbsd -N 127.0.0.1 "$port")" ohai
within 10 no_children
is "and nothing is left of the failure" "$(ps -o pid=,stat= --ppid "$server")" ""
finish TERM
is "exit 0 after that" "$status" 0

done_testing
