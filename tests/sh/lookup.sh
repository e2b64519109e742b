#!/bin/sh
# Names and ident, when asked for: what programs find, whose waiting it is, and what is told
# when the program then cannot be run.  K1
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# ask ADDRESS: what the program says to a client
ask() {
	timeout 30 nc.openbsd -N "$1" "$port" </dev/null
}
says='echo "$TCPREMOTEHOST|$TCPLOCALHOST|$TCPREMOTEINFO"'

TCPREMOTEHOST=wrong TCPREMOTEINFO=wrong
export TCPREMOTEHOST TCPREMOTEINFO
serve 127.0.0.1:0 -- sh -c "$says"
is "nobody is asked unless that was wanted" "$(ask 127.0.0.1)" "||"
finish TERM

name=$(getent hosts 127.0.0.1 | awk '{ print $2 }')
if [ -n "$name" ]; then
	serve --names 127.0.0.1:0 -- sh -c "$says"
	is "--names: both addresses" "$(ask 127.0.0.1)" "$name|$name|"
	finish TERM
	serve --names --local-name here 127.0.0.1:0 -- sh -c "$says"
	is "--local-name is believed without asking" "$(ask 127.0.0.1)" "$name|here|"
	finish TERM
else
	skip "--names" "127.0.0.1 has no name here"
fi
serve --names 127.0.0.1:0 -- sh -c "$says"
is "an address without a name has none" "$(timeout 30 nc.openbsd -N -s 127.0.0.77 \
	127.0.0.1 "$port" </dev/null | cut -d '|' -f 1)" \
	"$(getent hosts 127.0.0.77 | awk '{ print $2 }')"
finish TERM

# The program goes away after the start.
cp "$(command -v env)" "$tap_dir/program"
serve --names 127.0.0.1:0 -- "$tap_dir/program"
rm "$tap_dir/program"
ask 127.0.0.1 >"$tap_dir/answer" 2>&1
told() {
	grep -q "cannot start the program '$tap_dir/program'.*(ENOENT); reset the client 127" "$log"
}
within 10 told
is "a program that cannot be run is told, though nobody waits for it" $? 0
is "and its client gets nothing" "$(cat "$tap_dir/answer")" ""
within 10 childless
is "and no process is left" $? 0
finish TERM

if [ "$(id -u)" != 0 ] || ! present ruby || [ -n "$(ss -ltnH 'sport = :113')" ]; then
	skip "--ident" "needs root, ruby and port 113"
	done_testing
fi

# ident HOW: a server of RFC 1413 that answers so; its process number in $ident
ident() {
	ruby -rsocket -e '
		server = TCPServer.new("127.0.0.1", 113)
		puts "ready"
		STDOUT.flush
		loop do
			client = server.accept
			ports = client.gets.chomp
			case ARGV[0]
			when "right" then client.write("#{ports} : USERID : UNIX : jo\x01hn\r\n")
			when "wrong" then client.write("1 , 2 : USERID : UNIX : root\r\n")
			when "silent"
				sleep 60
			end
			client.close
		end' "$1" >"$tap_dir/ident" &
	ident=$!
	tap_pids="$tap_pids $ident"
	within 10 grep -q ready "$tap_dir/ident"
}

no_ident() {
	kill -KILL "$ident"
	wait "$ident" 2>/dev/null
	: >"$tap_dir/ident"
}

serve --ident 127.0.0.1:0 -- sh -c "$says"
is "--ident: nobody answers" "$(ask 127.0.0.1)" "||"
ident right
is "--ident: the answer, what is unprintable replaced" "$(ask 127.0.0.1)" "||jo?hn"
no_ident
ident wrong
is "--ident: an answer about another connection is not believed" "$(ask 127.0.0.1)" "||"
no_ident
finish TERM

# While one waits for its answer, others are served; and the server's end is the end of its
# listener, so that the next one has the port.
ident silent
serve --ident 127.0.0.1:0 -- sh -c "$says"
old=$port
ask 127.0.0.1 >"$tap_dir/answer" &
client=$!
asked() {
	[ -n "$(ss -tnH state established 'dport = :113')" ]
}
within 10 asked
finish TERM
is "the server ends while a client's host is asked" "$status" 0
"$HARK" serve "127.0.0.1:$old" -- cat 2>"$tap_dir/next" &
server=$!
tap_pids="$tap_pids $server"
within 10 grep -q "listening on 127.0.0.1:$old" "$tap_dir/next"
is "and the next has its port at once" $? 0
kill -TERM "$server"
wait "$client"
is "the client is served in the end" "$(cat "$tap_dir/answer")" "||"
no_ident
done_testing
