#!/bin/sh
# Real clients against the echo: what one sends comes back, and the end with it.  P5 X1
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

serve --echo localhost:0

# with COMMAND SENTENCE ARGUMENT...
with() {
	client=$1 sentence=$2
	shift 2
	if ! present "$client"; then
		skip "$sentence" "$client is not installed"
		return
	fi
	is "$sentence" "$(echo ohai | timeout 20 "$client" "$@" 2>&1)" ohai
}

with nc.openbsd "OpenBSD netcat ends with -N" -N 127.0.0.1 "$port"
with nc.openbsd "OpenBSD netcat over IPv6" -N ::1 "$port"
with nc.openbsd "OpenBSD netcat with -q 0" -q 0 127.0.0.1 "$port"
with nc.traditional "traditional netcat with -q 1" -q 1 127.0.0.1 "$port"
with socat "socat over IPv4" - "TCP4:127.0.0.1:$port"
with socat "socat over IPv6" - "TCP6:[::1]:$port"
with bash "bash" -c "exec 3<>/dev/tcp/127.0.0.1/$port; echo ohai >&3; read -r l <&3; echo \$l"
with ruby "Ruby's TCPSocket" -rsocket -e "
	s = TCPSocket.new('localhost', $port)
	s.write(STDIN.read)
	s.close_write
	print s.read"
with ruby "Ruby's TCPSocket, a line at a time" -rsocket -e "
	s = TCPSocket.new('localhost', $port)
	s.puts(gets)
	print s.gets"

head -c 3000000 /dev/urandom >"$tap_dir/large"
nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/large" >"$tap_dir/back"
cmp -s "$tap_dir/large" "$tap_dir/back"
is "3 MB come back as they were" $? 0

for i in $(seq 50); do
	echo "client $i" | nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/many.$i" &
	tap_clients="${tap_clients:-} $!"
done
for pid in $tap_clients; do
	wait "$pid"
done
is "fifty clients at once" "$(cat "$tap_dir"/many.* | sort | uniq | wc -l | tr -d ' ')" 50

finish TERM
is "exit 0 after all that" "$status" 0
done_testing
