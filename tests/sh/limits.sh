#!/bin/sh
# How many are served: over the limit clients wait in the queue, over the limit of their
# address they are turned away, with a word when there is one.  K1 K2 P4
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# Programs that say "in" and stay as long as their client.
greet='echo in; exec cat'

# ---------------------------------------------------------------------------- in all

serve -v -c 2 127.0.0.1:0 -- sh -c "$greet"
stays 1 127.0.0.1 "$port"
first=$stayed
within 10 said 1 in
is "below the limit nothing is told" "$(grep -c 'the most' "$log")" 0
stays 2 127.0.0.1 "$port"
second=$stayed
within 10 said 2 in
has "at the limit the log says so" "$(cat "$log")" "2 clients are served, the most (--connections)"
stays 3 127.0.0.1 "$port"
third=$stayed
within 10 in_queue 1
stays 4 127.0.0.1 "$port"
fourth=$stayed
within 10 in_queue 2
is "two of four wait in the queue" $? 0
is "and are not served" "$(cat "$tap_dir/out.3" "$tap_dir/out.4")" ""
leave "$first"
within 10 said 3 in
is "one ends: the first who waits is served" "$(cat "$tap_dir/out.3")" in
in_queue 1
is "and not the second" $? 0
leave "$second"
within 10 said 4 in
is "one more ends: the second is served" "$(cat "$tap_dir/out.4")" in
is "never more than two at once" "$(grep -c ' [3-9] of 2$' "$log")" 0
leave "$third" "$fourth"
finish TERM
is "exit 0" "$status" 0

# At the end, those who are in the queue get a place when there is one soon.
serve -c 1 127.0.0.1:0 -- sh -c "$greet"
stays 1 127.0.0.1 "$port"
first=$stayed
within 10 said 1 in
stays 2 127.0.0.1 "$port"
within 10 in_queue 1
kill -TERM "$server"
is_stopping() {
	grep -q '^hark: stopping' "$log"
}
within 10 is_stopping
leave "$first"
wait "$server"
is "the end at the limit, one more place comes: exit 0" $? 0
within 10 said 2 in
is "and who waited has it" "$(cat "$tap_dir/out.2")" in
leave "$stayed"

# Else they are told of (after 5 seconds).
serve -c 1 127.0.0.1:0 -- sh -c "$greet"
stays 1 127.0.0.1 "$port"
first=$stayed
within 10 said 1 in
stays 2 127.0.0.1 "$port"
within 10 in_queue 1
finish TERM
is "the end at the limit: exit 0" "$status" 0
has "and who is lost is told" "$(cat "$log")" "hark: reset 1 client that was still in the queue"
wait "$stayed"
is "who sees it" "$(cat "$tap_dir/out.2")" ""
leave "$first"

serve -c 2 127.0.0.1:0 --echo
for i in 1 2 3; do
	mkfifo "$tap_dir/in.$i"
	nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/in.$i" >"$tap_dir/out.$i" \
		3>&- 4>&- &
	eval "client$i=\$!"
	tap_pids="$tap_pids $!"
	case $i in
	1) exec 3>"$tap_dir/in.1" && echo ohai >&3 ;;
	2) exec 4>"$tap_dir/in.2" && echo ohai >&4 ;;
	3) exec 5>"$tap_dir/in.3" && echo ohai >&5 ;;
	esac
	if [ "$i" != 3 ]; then
		within 10 said "$i" ohai
	fi
done
within 10 in_queue 1
is "--echo: the third of two waits in the queue" $? 0
has "--echo: the log says so" "$(cat "$log")" "2 clients are served, the most (--connections)"
is "--echo: and has no answer" "$(cat "$tap_dir/out.3")" ""
exec 3>&-
within 10 said 3 ohai
is "--echo: one ends, and it has" "$(cat "$tap_dir/out.3")" ohai
exec 4>&- 5>&-
# shellcheck disable=SC2154
wait "$client1" "$client2" "$client3"
finish TERM
is "--echo: exit 0" "$status" 0

# ------------------------------------------------------------------------ of an address

# turned_away NAME PROGRAM-OR-SERVICE...
turned_away() {
	name=$1
	shift
	serve -v -C 1 127.0.0.1:0 "$@"
	stays 1 127.0.0.1 "$port"
	first=$stayed
	within 10 has_begun
	within 10 is_told
	if present ruby; then
		is "$name: the second of an address is reset" "$(look_in)" Errno::ECONNRESET
	else
		skip "$name: the second of an address is reset" "ruby is not installed"
	fi
	has "$name: and the log says why" "$(cat "$log")" \
		"hark: refused 127.0.0.1:" ": 1 from there are served already"
	is "$name: another address is served" \
		"$(echo ohai | timeout 20 nc.openbsd -N -s 127.0.0.2 127.0.0.1 "$port")" ohai
	leave "$first"
	within 10 ss_established 0
	within 10 is_served
	is "$name: the first has left, there is room again" $? 0
	finish TERM
	is "$name: exit 0" "$status" 0
}
# look_in: what a client reads that says nothing, and how it ends.  The server is stopped
# until it has connected: else connect(2) might be what tells of the reset.
look_in() {
	kill -STOP "$server"
	: >"$tap_dir/connected"
	timeout 20 ruby -rsocket -e '
		s = TCPSocket.new("127.0.0.1", ARGV[0].to_i)
		$stderr.puts "connected"
		begin
			print s.read, "end"
		rescue SystemCallError => e
			print e.class.name
		end' "$port" >"$tap_dir/end" 2>"$tap_dir/connected" &
	client=$!
	within 10 test -s "$tap_dir/connected"
	kill -CONT "$server"
	wait "$client"
	cat "$tap_dir/end"
}
has_begun() {
	grep -q '^hark: begin ' "$log"
}
is_told() {
	timeout 20 nc.openbsd -d 127.0.0.1 "$port"
	grep -q '^hark: refused' "$log"
}
ss_established() {
	[ "$(ss -tnH state established "sport = :$port" | wc -l)" -eq "$1" ]
}
is_served() {
	[ "$(echo ohai | timeout 20 nc.openbsd -N 127.0.0.1 "$port" 2>&1)" = ohai ]
}
turned_away "programs" -- cat
turned_away "--echo" --echo

serve -C 2 127.0.0.1:0 -- sh -c "$greet"
stays 1 127.0.0.1 "$port"
first=$stayed
within 10 said 1 in
stays 2 127.0.0.1 "$port"
within 10 said 2 in
is "-C 2: the second is served" "$(cat "$tap_dir/out.2")" in
is "-C 2: the third is not" "$(timeout 20 nc.openbsd -d 127.0.0.1 "$port" 2>&1)" ""
leave "$first" "$stayed"
finish TERM

all_there() {
	[ "$(ss -tnH state established "sport = :$port" | awk -v size="$size" '$1 == size' | wc -l)" = 1 ]
}
carriage_return=$(printf '\r')
serve -C 1 --refusal "421 too many of you" 127.0.0.1:0 -- sh -c "$greet"
stays 1 127.0.0.1 "$port"
first=$stayed
within 10 said 1 in
is "--refusal: the second reads the text, a line, and the end" \
	"$(timeout 20 nc.openbsd -d 127.0.0.1 "$port")" "421 too many of you$carriage_return"
is "--refusal: another address does not" \
	"$(timeout 20 nc.openbsd -N -s 127.0.0.2 127.0.0.1 "$port" </dev/null)" in
# What a client sent before it is turned away must not cost it the text: it is there when
# the server, which was stopped, accepts it.
if present ruby; then
	for size in 10 1000 5000; do
		kill -STOP "$server"
		timeout 20 ruby -rsocket -e '
			s = TCPSocket.new("127.0.0.1", ARGV[0].to_i)
			s.write("x" * ARGV[1].to_i)
			begin
				print s.read
				print "end"
			rescue SystemCallError => e
				print e.class.name
			end' "$port" "$size" >"$tap_dir/word" &
		client=$!
		within 10 all_there
		kill -CONT "$server"
		wait "$client"
		is "--refusal: read also by a client that sent $size bytes, and then the end" \
			"$(cat "$tap_dir/word")" "421 too many of you$carriage_return
end"
	done
else
	skip "--refusal: read also by a client that sent" "ruby is not installed"
fi
leave "$first"
finish TERM

serve -C 1 "unix:$tap_dir/sock" -- sh -c "$greet"
stays 1 -U "$tap_dir/sock"
first=$stayed
within 10 said 1 in
stays 2 -U "$tap_dir/sock"
within 10 said 2 in
is "Unix clients have no address, and are not counted" "$(cat "$tap_dir/out.2")" in
leave "$first" "$stayed"
finish TERM

# ----------------------------------------------------------------------------- backlog

serve -b 3 127.0.0.1:0 -- cat
has "-b 3 is told" "$(cat "$log")" "backlog 3"
is "and is the socket's" "$(ss -ltnH "sport = :$port" | awk '{ print $3 }')" 3
finish TERM
ceiling=$(cat /proc/sys/net/core/somaxconn)
serve -b 0 127.0.0.1:0 -- cat
is "-b 0 is the most that the system allows" "$(ss -ltnH "sport = :$port" | awk '{ print $3 }')" \
	"$ceiling"
finish TERM

done_testing
