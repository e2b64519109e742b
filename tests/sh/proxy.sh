#!/bin/sh
# The built-in proxy: what either side sends arrives at the other, its end and its reset
# too; nothing is read that cannot be passed on; a target that is not there costs its
# client and a line now and then.  K1 X1
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# ask: what comes back of a word
ask() {
	echo ohai | timeout 20 nc.openbsd -N "$@" 2>&1
}

logged() {
	grep -q "$1" "$log"
}

# target ARGUMENT...: a server behind the proxy; its port is $behind
target() {
	serve "$@"
	target_server=$server behind=$port
}

# end_both: the proxy and its target
end_both() {
	finish TERM
	is "$1: exit 0" "$status" 0
	kill -TERM "$target_server" 2>/dev/null
	wait "$target_server"
}

# -------------------------------------------------------------------------- addresses

target --echo localhost:0 "unix:$tap_dir/behind"
for address in "127.0.0.1:$behind" "localhost:$behind" "$behind" "unix:$tap_dir/behind"; do
	serve --proxy "$address" 127.0.0.1:0 "unix:$tap_dir/front"
	said=$(echo "$address" | sed "s/:*$behind\$//; s,$tap_dir,DIR,")
	is "to '$said'" "$(ask 127.0.0.1 "$port")" ohai
	is "to '$said' from a Unix socket" "$(ask -U "$tap_dir/front")" ohai
	finish TERM
	is "to '$said': exit 0" "$status" 0
done
if grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null; then
	serve --proxy "[::1]:$behind" '[::1]:0'
	is "to IPv6" "$(ask ::1 "$port")" ohai
	finish TERM
else
	skip "to IPv6" "this host has no IPv6"
fi

# Of a name all addresses are tried: only one of localhost's two is served here.
kill -TERM "$target_server"
wait "$target_server"
target --echo 127.0.0.1:0
serve --proxy "localhost:$behind" 127.0.0.1:0
is "an address of a name that does not answer is passed over" "$(ask 127.0.0.1 "$port")" ohai
finish TERM

# wrong WORD PART...
wrong() {
	word=$1
	shift
	said=$(timeout 5 "$HARK" serve --proxy "$word" "unix:$tap_dir/none" 2>&1 </dev/null)
	is "--proxy '$word': exit code" $? 100
	has "--proxy '$word'" "$said" "$@"
	is "--proxy '$word': one line, nothing left" \
		"$(printf '%s\n' "$said" | wc -l | tr -d ' ')$(ls "$tap_dir/none" 2>/dev/null)" 1
}
wrong 127.0.0.1:70000 "hark: cannot read address '127.0.0.1:70000'" ERANGE
wrong 127.0.0.1 "hark: cannot read address '127.0.0.1'"
wrong "" "hark: cannot read address ''"
wrong 127.0.0.1:0 "'127.0.0.1:0'" "port 0"
wrong fd:3 "'fd:3'" "a listening socket"
wrong activation "'activation'" "a listening socket"

# ------------------------------------------------------------------------------ bytes

head -c 3000000 /dev/urandom >"$tap_dir/large"
serve --proxy "127.0.0.1:$behind" 127.0.0.1:0
timeout 60 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/large" >"$tap_dir/back"
cmp -s "$tap_dir/large" "$tap_dir/back"
is "3 MB go there and come back as they were, both ways at once" $? 0
for i in $(seq 30); do
	(echo "client $i" | timeout 60 nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/many.$i") &
	clients="${clients:-} $!"
done
for pid in $clients; do
	wait "$pid"
done
is "thirty clients at once" "$(cat "$tap_dir"/many.* | sort -u | wc -l | tr -d ' ')" 30
end_both "bytes"

for model in serial fork pool; do
	target --echo 127.0.0.1:0
	serve --model "$model" --proxy "127.0.0.1:$behind" 127.0.0.1:0
	is "--model $model" "$(ask 127.0.0.1 "$port")" ohai
	timeout 60 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/large" >"$tap_dir/back"
	cmp -s "$tap_dir/large" "$tap_dir/back"
	is "--model $model: 3 MB" $? 0
	end_both "--model $model"
done

# The buffers fill, and room in them is not something to read: nothing times out.
target 127.0.0.1:0 -- cat "$tap_dir/large" "$tap_dir/large" "$tap_dir/large"
serve -v --proxy "127.0.0.1:$behind" 127.0.0.1:0
is "a client that reads late" \
	"$(timeout 60 nc.openbsd -d 127.0.0.1 "$port" | { sleep 1 && wc -c | tr -d ' '; })" 9000000
within 10 logged '^hark: end '
is "and its end" "$(sed -n 's/^hark: end .*, \(.*\), [0-9.]* s, .*/\1/p' "$log")" closed
end_both "a client that reads late"

# ------------------------------------------------------------------------- half-closes

# The target hears the client's end, and answers when we say so.
mkfifo "$tap_dir/go"
target 127.0.0.1:0 -- sh -c 'cat >"$0/heard"; echo >"$0/ended"; read -r line <"$0/go"; echo $line' \
	"$tap_dir"
serve --proxy "127.0.0.1:$behind" 127.0.0.1:0
echo question | timeout 20 nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/late" &
client=$!
within 10 test -s "$tap_dir/ended"
is "the client's end is the target's" "$(cat "$tap_dir/heard")" question
echo answer >"$tap_dir/go"
wait "$client"
is "a late answer after it arrives" "$(cat "$tap_dir/late")" answer
end_both "half-closes"

if ! present ruby; then
	skip "the rest" "ruby is not installed"
	done_testing
fi

# stub TEXT: a target in Ruby, which has the connection as c; $behind is its port, what it
# writes is in $tap_dir/stub
stub() {
	: >"$tap_dir/behind.port"
	: >"$tap_dir/stub"
	timeout 60 ruby -rsocket -e '
		s = TCPServer.new("127.0.0.1", 0)
		$stderr.puts s.addr[1]
		$stderr.flush
		$stdout.sync = true
		c = s.accept
		begin
			eval ARGV[0]
		rescue SystemCallError => e
			puts e.class.name
		end' "$1" >"$tap_dir/stub" 2>"$tap_dir/behind.port" &
	stub=$!
	tap_pids="$tap_pids $stub"
	within 10 test -s "$tap_dir/behind.port"
	behind=$(head -n 1 "$tap_dir/behind.port")
}

# visit TEXT: a client in Ruby, which has the connection as c; says what it writes
visit() {
	timeout 60 ruby -rsocket -e '
		$stdout.sync = true
		c = TCPSocket.new("127.0.0.1", ARGV[1].to_i)
		begin
			eval ARGV[0]
		rescue SystemCallError => e
			puts e.class.name
		end' "$1" "$port"
}

# turned_away: how a client ends that says nothing.  The server is stopped until it has
# connected: else connect(2) might be what tells of the reset.
turned_away() {
	kill -STOP "$server"
	visit "Process.kill(:CONT, $server); c.read; puts \"end\""
}

# pair NAME TARGET CLIENT TARGET-SAYS CLIENT-SAYS
pair() {
	stub "$2"
	serve -v --proxy "127.0.0.1:$behind" 127.0.0.1:0
	is "$1: the client" "$(visit "$3")" "$5"
	wait "$stub"
	is "$1: the target" "$(cat "$tap_dir/stub")" "$4"
	within 10 logged '^hark: end '
	is "$1: the conversation has ended" $? 0
	finish TERM
}

pair "the target ends first, the client goes on" \
	'c.write "hello"; c.close_write; puts c.read' \
	'puts c.read; c.write "later"; c.close_write' \
	later hello
pair "both end at once" \
	'c.close_write; puts c.read + "end"' \
	'c.close_write; puts c.read + "end"' \
	end end
pair "the target resets" \
	'c.readpartial(9); c.setsockopt(Socket::Option.linger(true, 0)); c.close' \
	'c.write "x"; c.read; puts "end"' \
	"" Errno::ECONNRESET
pair "the target resets a client that waits and has ended" \
	'c.read; c.setsockopt(Socket::Option.linger(true, 0)); c.close' \
	'c.write "x"; c.close_write; c.read; puts "end"' \
	"" Errno::ECONNRESET
pair "the client resets" \
	'c.readpartial(9); c.write "y"; c.read; puts "end"' \
	'c.write "x"; c.readpartial(9); c.setsockopt(Socket::Option.linger(true, 0)); c.close' \
	Errno::ECONNRESET ""
pair "the client resets a target that has ended" \
	'c.write "y"; c.close_write; c.read; puts "end"' \
	'c.read; c.setsockopt(Socket::Option.linger(true, 0)); c.close' \
	Errno::ECONNRESET ""
pair "the client leaves while the target sends" \
	'begin; loop { c.write "x" * 10000 }; rescue SystemCallError; puts "told"; end' \
	'c.readpartial(9); c.close' \
	told ""

# ----------------------------------------------------------------------- back-pressure

# A client may not send more than fits the buffers while the target does not read; then all
# of it arrives.
stub 'sleep 0.1 until File.exist?("'"$tap_dir"'/read"); puts c.read.bytesize; c.write "done"'
serve --proxy "127.0.0.1:$behind" 127.0.0.1:0
visit 'sent = 0
	loop do
		n = c.write_nonblock("x" * 100000, exception: false)
		if n == :wait_writable
			break unless IO.select(nil, [c], nil, 1)
		else
			sent += n
		end
	end
	puts sent
	File.write("'"$tap_dir"'/read", "")
	c.close_write
	puts c.read' >"$tap_dir/said"
wait "$stub"
sent=$(head -n 1 "$tap_dir/said")
rm -f "$tap_dir/read"
[ "$sent" -lt 60000000 ]
is "the client is held up when the target does not read ($sent bytes)" $? 0
is "and all of it arrives when it does" "$(cat "$tap_dir/stub")" "$sent"
is "and so does the answer" "$(tail -n 1 "$tap_dir/said")" "done"
ticks=$(awk '{ print $14 + $15 }' "/proc/$server/stat")
[ "$((ticks * 1000 / $(getconf CLK_TCK)))" -le 700 ]
is "nobody spun while they waited ($ticks ticks)" $? 0
finish TERM

# Neither does it spin for a side that has hung up while the other does not read.
stub 'c.write "x" * 3000000; c.close_write; c.read; puts "end"'
serve --proxy "127.0.0.1:$behind" 127.0.0.1:0
visit 'c.close_write; sleep 1; puts c.read.bytesize' >"$tap_dir/said"
is "a client that has ended and reads late has all" "$(cat "$tap_dir/said")" 3000000
ticks=$(awk '{ print $14 + $15 }' "/proc/$server/stat")
[ "$((ticks * 1000 / $(getconf CLK_TCK)))" -le 300 ]
is "nobody spun meanwhile ($ticks ticks)" $? 0
finish TERM

# ------------------------------------------------------------------------ nobody there

port_of_nobody=$(ruby -rsocket -e 's = TCPServer.new("127.0.0.1", 0); puts s.addr[1]')
serve --proxy "127.0.0.1:$port_of_nobody" 127.0.0.1:0
is "nobody at the target: the client is reset" "$(turned_away)" Errno::ECONNRESET
has "and the log says why" "$(cat "$log")" "hark: reset the client 127.0.0.1:" \
	"127.0.0.1:$port_of_nobody" ECONNREFUSED
from=$(date +%s)
for i in $(seq 20); do
	ask 127.0.0.1 "$port" >/dev/null
done
took=$(($(date +%s) - from))
[ "$(grep -c ECONNREFUSED "$log")" -le $((took + 2)) ]
is "in a line a second at most" $? 0
finish TERM
is "nobody at the target: exit 0" "$status" 0

serve --proxy no-such-host.invalid:80 127.0.0.1:0
is "a name that nobody has: the client is reset" "$(turned_away)" Errno::ECONNRESET
has "and the log says why" "$(cat "$log")" "hark: reset the client 127.0.0.1:" "no-such-host.invalid"
finish TERM

serve --proxy "unix:$tap_dir/nobody" 127.0.0.1:0
is "no such path: the client is reset" "$(turned_away)" Errno::ECONNRESET
has "and the log says why" "$(cat "$log")" "$tap_dir/nobody" ENOENT
finish TERM

# ------------------------------------------------------------------------------ limits

stub 'c.read; puts "end"'
serve -v --timeout 1 --proxy "127.0.0.1:$behind" 127.0.0.1:0
is "--timeout: silence of both sides is a reset for both" \
	"$(visit 'c.read; puts "end"')" Errno::ECONNRESET
wait "$stub"
is "--timeout: the target too" "$(cat "$tap_dir/stub")" Errno::ECONNRESET
within 10 logged '^hark: end '
has "--timeout: and is told" "$(cat "$log")" "timed out"
finish TERM

stub 'c.write c.readpartial(9); c.read; puts "end"'
serve -v --drain 1 --proxy "127.0.0.1:$behind" 127.0.0.1:0
: >"$tap_dir/said"
visit 'c.write "x"; puts c.readpartial(9); $stdout.flush; c.read; puts "end"' >"$tap_dir/said" &
client=$!
within 10 grep -q x "$tap_dir/said"
finish TERM
is "--drain 1 while a conversation goes on: exit 0" "$status" 0
has "--drain 1: it is cut, and told" "$(cat "$log")" "cut 1 conversation"
wait "$client" "$stub"
# The client's end or its reset may be what it sees first.
is "--drain 1: by an end for the client, a reset for the target" \
	"$(tail -n 1 "$tap_dir/said" | sed 's/^Errno::ECONNRESET$/end/') $(cat "$tap_dir/stub")" \
	"end Errno::ECONNRESET"

done_testing
