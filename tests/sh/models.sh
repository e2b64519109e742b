#!/bin/sh
# The models of the built-in services: the same service in each, and what is different: how
# many are served at once, and in which process.  S1 S8 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# enter N: a client that stays; what it says is written to descriptor N, what it hears is in
# out.N
enter() {
	mkfifo "$tap_dir/in.$1"
	nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/in.$1" >"$tap_dir/out.$1" 3>&- 4>&- 5>&- &
	tap_pids="$tap_pids $!"
	eval "client$1=\$!"
	eval "exec $1>\"\$tap_dir/in.$1\""
	rm "$tap_dir/in.$1"
}

# say N WORD: and hear it back
say() {
	eval "echo $2 >&$1"
	within 10 grep -q "$2" "$tap_dir/out.$1"
}

# leave N
leave() {
	eval "exec $1>&-"
	eval "wait \$client$1"
}

ask() {
	echo ohai | timeout 20 nc.openbsd -N 127.0.0.1 "$port"
}

children() {
	ps -o pid= --ppid "$server" | wc -l | tr -d ' '
}

threads() {
	find "/proc/$server/task" -mindepth 1 -maxdepth 1 | wc -l | tr -d ' '
}

has_children() {
	[ "$(children)" = "$1" ]
}

has_threads() {
	[ "$(threads)" = "$1" ]
}

head -c 1000000 /dev/urandom >"$tap_dir/million"

# ------------------------------------------------------------- the same in all of them

for model in serial fork thread pool; do
	serve -v --model "$model" --echo 127.0.0.1:0 "unix:$tap_dir/sock"
	is "$model: an echo" "$(ask)" ohai
	is "$model: over a Unix path" "$(echo ohai | nc.openbsd -N -U "$tap_dir/sock")" ohai
	timeout 60 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/million" >"$tap_dir/back"
	cmp -s "$tap_dir/back" "$tap_dir/million"
	is "$model: a megabyte" $? 0
	within 10 logged '^hark: end ' 3
	is "$model: three begins, three ends" \
		"$(grep -c '^hark: begin #' "$log"):$(grep -c '^hark: end #.*, closed, ' "$log")" 3:3
	has "$model: the first is number 1" "$(cat "$log")" "hark: begin #1, from 127.0.0.1:"
	enter 3
	say 3 first
	finish TERM
	is "$model: SIGTERM while a client is idle: exit 0" "$status" 0
	leave 3
	is "$model: whose end is in order" "$?:$(cat "$tap_dir/out.3")" 0:first
	has "$model: and told" "$(tail -n 2 "$log")" "hark: end #4, from " ", told to end, "
	is "$model: the path is gone" "$(ls "$tap_dir/sock" 2>/dev/null)" ""

	serve --model "$model" --chargen 127.0.0.1:0
	is "$model: chargen" "$(timeout 20 nc.openbsd -d 127.0.0.1 "$port" 2>/dev/null |
		head -n 1 | cut -c 1-10)" ' !"#$%&'"'()"
	finish TERM
	serve --model "$model" --daytime 127.0.0.1:0
	is "$model: daytime" "$(timeout 20 nc.openbsd -d 127.0.0.1 "$port" | wc -l | tr -d ' ')" 1
	finish INT
	is "$model: SIGINT: exit 0" "$status" 0
done

# -------------------------------------------------------------------- what is different

serve --model serial --echo 127.0.0.1:0
before=$(threads)
enter 3
say 3 one
enter 4
within 10 in_queue 1
echo two >&4
is "serial: the second waits in the queue" "$(cat "$tap_dir/out.4")" ""
is "serial: without another thread or process" "$(threads) $(children)" "$before 0"
leave 3
within 10 grep -q two "$tap_dir/out.4"
is "serial: until the first has ended" "$(cat "$tap_dir/out.4")" two
leave 4
finish TERM

serve --model pool --threads 2 --echo 127.0.0.1:0
enter 3
say 3 one
enter 4
say 4 two
enter 5
within 10 in_queue 1
echo three >&5
is "pool of two: the third waits in the queue" "$(cat "$tap_dir/out.5")" ""
leave 3
within 10 grep -q three "$tap_dir/out.5"
is "pool of two: until one has ended" "$(cat "$tap_dir/out.5")" three
before=$(threads)
leave 4
leave 5
is "pool of two: threads come and go with the server" "$(ask; threads)" "ohai
$before"
finish TERM
is "pool of two: exit 0" "$status" 0

# A sanitizer may have one of its own once there are any.
serve --model thread --echo 127.0.0.1:0
enter 3
say 3 one
before=$(threads)
enter 4
say 4 two
is "thread: one for each client" "$(threads)" $((before + 1))
leave 4
within 10 has_threads "$before"
is "thread: as long as it stays" $? 0
leave 3
finish TERM

serve -v --model fork --echo 127.0.0.1:0
enter 3
say 3 one
enter 4
say 4 two
is "fork: a process for each client" "$(children)" 2
victim=$(ps -o pid= --ppid "$server" | head -n 1 | tr -d ' ')
kill -KILL "$victim"
within 10 has_children 1
within 10 logged '^hark: end ' 1
has "fork: one that is killed is told" "$(grep '^hark: end ' "$log")" ", signal SIGKILL, "
is "fork: and the server goes on" "$(ask)" ohai
exec 3>&- 4>&-
wait "$client3" "$client4"
within 10 has_children 0
is "fork: nobody is left" "$(children)" 0
finish TERM
is "fork: exit 0" "$status" 0

# A client that does not read holds up the end for --drain, and no longer.
for model in fork thread; do
	serve -v --model "$model" --drain 1 --echo 127.0.0.1:0
	mkfifo "$tap_dir/never.$model"
	exec 4<>"$tap_dir/never.$model"
	head -c 50000000 /dev/zero | nc.openbsd 127.0.0.1 "$port" >"$tap_dir/never.$model" 4>&- &
	stuck=$!
	within 10 logged '^hark: begin ' 1
	queues=
	looks=0
	# Both ways, and looked at thrice: bytes on their way are soon elsewhere.
	full() {
		before_look=$queues
		queues=$(ss -tnH state established "sport = :$port" |
			awk '$1 > 0 && $2 > 0 { print $1, $2 }')
		looks=$((looks + 1))
		[ -n "$queues" ] && [ "$queues" = "$before_look" ] || looks=0
		[ "$looks" -ge 2 ]
	}
	within 10 full
	finish TERM
	is "$model: --drain 1 and a client that does not read: exit 0" "$status" 0
	has "$model: it is cut, and told" "$(cat "$log")" "hark: cut 1 conversation that did not end"
	kill -KILL "$stuck"
	wait "$stuck" 2>/dev/null
	exec 4<&-
done

# -------------------------------------------------------------------------- a silent one

for model in serial fork thread pool; do
	serve -v --model "$model" --timeout 1 --echo 127.0.0.1:0
	is "$model: --timeout 1: a silent client is ended" \
		"$(timeout 20 nc.openbsd -d 127.0.0.1 "$port"; echo $?)" 0
	within 10 logged '^hark: end ' 1
	has "$model: and told" "$(grep '^hark: end ' "$log")" ", timed out, "
	finish TERM
done

# --------------------------------------------------------------------------- mistakes

# wrong SENTENCE PART... -- ARGUMENT...
wrong() {
	sentence=$1 parts=
	shift
	while [ "$1" != -- ]; do
		parts="$parts$1"
		shift
	done
	shift
	said=$(timeout 5 "$HARK" serve "unix:$tap_dir/none" "$@" 2>&1 </dev/null)
	is "$sentence: exit code" $? 100
	has "$sentence" "$said" "$parts"
	is "$sentence: one line, nothing left" \
		"$(printf '%s\n' "$said" | wc -l | tr -d ' ')$(ls "$tap_dir/none" 2>/dev/null)" 1
}
wrong "a model that there is not" "cannot use the value of --model, 'threads'; " \
	"a built-in service runs as serial, fork, thread or pool" -- --model threads --echo
wrong "coroutines" "cannot use the value of --model, 'fiber'; " "this build has no coroutines" -- \
	--model fiber --echo
wrong "a program as a thread" "cannot use the value of --model, 'thread'; " \
	"a program always has a process of its own" -- --model thread -- cat
wrong "threads of no pool" "no use for the option '--threads'; " "only --model pool" -- \
	--threads 3 --echo
wrong "a timeout for programs" "no use for the option '--timeout'; " -- --timeout 3 -- cat
wrong "two services" "cannot add the option '--proxy'; " -- --echo --proxy 127.0.0.1:1

serve --model spawn 127.0.0.1:0 -- cat
is "a program is spawn, and may be said to be" "$(ask)" ohai
finish TERM

done_testing
