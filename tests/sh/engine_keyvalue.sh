#!/bin/sh
# The key-value example talks to the tools that are made for such servers, under each model
# that can share a table.  S1 S2 N7
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016,SC2059
. "$(dirname "$0")/tap.sh"

if ! present nc.openbsd; then
	skip "keyvalue" "nc.openbsd is not installed"
	done_testing
fi

# says TEXT: the answers to it, without their carriage returns
says() {
	printf "$1" | timeout 20 nc.openbsd -N 127.0.0.1 "$port" | tr -d '\r'
}

cli() {
	timeout 20 redis-cli -p "$port" "$@"
}

# client MODEL: the command line
client() {
	if ! present redis-cli; then
		skip "$1: redis-cli" "redis-cli is not installed"
		return
	fi
	is "$1: PING" "$(cli ping)" PONG
	is "$1: ECHO" "$(cli echo 'two words')" "two words"
	is "$1: SET" "$(cli set key "a value of $1")" OK
	is "$1: GET" "$(cli get key)" "a value of $1"
	is "$1: SET again" "$(head -c 1024 /dev/zero | cli -x set key)" OK
	cli get key | head -c 1024 | cmp -s -n 1024 - /dev/zero
	is "$1: GET of 1,024 zeros" $? 0
	is "$1: DEL" "$(cli del key) $(cli del key)" "1 0"
	is "$1: GET of none" "$(cli get key)" ""
	is "$1: SET and GET of nothing" "$(cli set '' '') $(cli get '')" "OK "
	has "$1: another command" "$(cli lpush a b)" "ERR no such command"
}

# benchmark MODEL CLIENTS
benchmark() {
	if ! present redis-benchmark; then
		skip "$1: redis-benchmark" "redis-benchmark is not installed"
		return
	fi
	for pipelined in 1 16; do
		timeout 60 redis-benchmark -p "$port" -q -n 2000 -c "$2" -P $pipelined \
			-r 500 -t ping,set,get >"$tap_dir/figures" 2>&1
		is "$1: redis-benchmark -P $pipelined ends well" $? 0
		tr '\r' '\n' <"$tap_dir/figures" >"$tap_dir/lines"
		is "$1: and has four figures" \
			"$(grep -c 'requests per second' "$tap_dir/lines")" 4
		is "$1: and nothing to complain of" \
			"$(grep -E 'WARN|ERR|[Ee]rror' "$tap_dir/lines")" ""
	done
}

for model in serial thread pool; do
	# redis-benchmark waits for all its connections, however few are served at once.
	clients=50
	[ "$model" != serial ] || clients=1
	free_port
	start keyvalue "$model" "127.0.0.1:$port"
	is "$model: commands as they are typed" "$(says 'PING\r\n\n  echo  ohai \nQUIT\nPING\n')" \
		"$(printf '+PONG\n$4\nohai\n+OK')"
	client "$model"
	benchmark "$model" "$clients"
	finish TERM
	is "$model: ends cleanly" "$status" 0
done

free_port
start keyvalue "127.0.0.1:$port"

# Half a command holds up no answer.
mkfifo "$tap_dir/in"
nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/out" <"$tap_dir/in" &
client=$!
tap_pids="$tap_pids $client"
exec 3>"$tap_dir/in"
printf 'PING\r\n*2\r\n$4\r\nECHO\r\n$4\r\noh' >&3
within 10 grep -q PONG "$tap_dir/out"
is "what came whole before half a command is answered" $? 0
printf 'ai\r\n*1\r\n$4\r\nQUIT\r\n' >&3
exec 3>&-
wait "$client"
is "the other half is joined to it" "$(tr -d '\r' <"$tap_dir/out")" \
	"$(printf '+PONG\n$4\nohai\n+OK')"

# Many at once, more than fit into the buffers on either side.
for i in $(seq 3000); do
	printf '*2\r\n$4\r\nECHO\r\n$%d\r\n%d%0100d\r\n' $((100 + ${#i})) "$i" 0
done >"$tap_dir/many"
timeout 20 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/many" >"$tap_dir/out"
is "3,000 commands at once have 3,000 answers" \
	"$(grep -c '^[0-9]*0\{100\}.$' "$tap_dir/out")" 3000

# protocol_error SENTENCE TEXT
protocol_error() {
	is "$1 ends the conversation" "$(says "PING\n$2")" \
		"$(printf '+PONG\n-ERR Protocol error')"
}
protocol_error "an array that is too long" '*17\r\n'
protocol_error "an array of a negative length" '*-1\r\n'
protocol_error "a word that is too long" '*1\r\n$1025\r\n'
protocol_error "a length that overflows" '*1\r\n$99999999999999999999\r\n'
protocol_error "a length that is none" '*1\r\n$\r\n5\r\n'
protocol_error "an array in an array" '*1\r\n*1\r\n'
protocol_error "a line of too many words" '1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7\n'
{
	head -c 32767 /dev/zero | tr '\0' x
} | timeout 20 nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/out"
is "so does a line without end" "$(tr -d '\r' <"$tap_dir/out")" "-ERR Protocol error"
is "and the next client is served" "$(says 'PING\n')" "+PONG"

# A client between requests has its connection ended at once, long before the deadline of
# those who are busy.
established() {
	ss -tnH state established "sport = :$port"
}
talks_over() {
	[ -z "$(established)" ]
}
nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/out" <"$tap_dir/in" &
client=$!
tap_pids="$tap_pids $client"
exec 3>"$tap_dir/in"
echo PING >&3
within 10 grep -q PONG "$tap_dir/out"
is "one is between requests" "$(established | wc -l | tr -d ' ')" 1
kill -TERM "$server"
within 10 talks_over
is "SIGTERM: its connection ends at once" $? 0
exec 3>&-
wait "$server"
is "all that ends cleanly" $? 0

"$HARK_EXAMPLES/keyvalue" fork 127.0.0.1:0 2>"$tap_dir/wrong"
is "a process a connection shares no table: exit code" $? 100
done_testing
