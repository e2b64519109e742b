#!/bin/sh
# The built-in services but echo, which serve.sh has: what RFC 863, 867 and 864 say, for
# many at once, and ended while clients are there.  K1 L1
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

# stay NC-ARGUMENT...: a client that stays and hears; $stayed its pid
stay() {
	nc.openbsd -d 127.0.0.1 "$port" >"$tap_dir/heard" &
	stayed=$!
	tap_pids="$tap_pids $stayed"
}

logged() {
	grep -q "$1" "$log"
}

heard_something() {
	[ -s "$tap_dir/heard" ]
}

# fifty COMMAND: at once, each with its number as $i and its output in many.$i
fifty() {
	rm -f "$tap_dir"/many.*
	clients=
	for i in $(seq 50); do
		"$@" >"$tap_dir/many.$i" &
		clients="$clients $!"
	done
	for pid in $clients; do
		wait "$pid"
	done
}

# --------------------------------------------------------------------------- discard

serve -v --discard 127.0.0.1:0
head -c 1000000 /dev/urandom >"$tap_dir/million"
is "discard: takes a megabyte and says nothing" \
	"$(timeout 20 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/million" | wc -c | tr -d ' ')" 0
within 10 logged '^hark: end #1, '
has "discard: begin and end are told" "$(cat "$log")" "hark: begin #1, from 127.0.0.1:" \
	"hark: end #1, from 127.0.0.1:" ", closed, " " 0 of 4000"
sends() {
	timeout 20 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/million"
	echo "$?"
}
fifty sends
is "discard: fifty at once" "$(cat "$tap_dir"/many.* | sort | uniq -c | tr -d ' ')" 500
all_ended() {
	[ "$(grep -c '^hark: end ' "$log")" = 51 ]
}
within 10 all_ended
is "discard: and all end" $? 0
stay
within 10 logged '^hark: begin #52, '
finish TERM
is "discard: SIGTERM while a client is there: exit 0" "$status" 0
wait "$stayed"
is "discard: whose end is in order" "$?:$(cat "$tap_dir/heard")" 0:

# --------------------------------------------------------------------------- daytime

TZ=XYZ-3
export TZ
serve --daytime 127.0.0.1:0
# Whoever looks at the clock at midnight may get the day before.
before=$(LC_ALL=C date '+%A, %B %d, %Y')
timeout 20 nc.openbsd -d 127.0.0.1 "$port" >"$tap_dir/time"
is "daytime: ends by itself" $? 0
after=$(LC_ALL=C date '+%A, %B %d, %Y')
is "daytime: a line that ends with CR LF" \
	"$(wc -l <"$tap_dir/time" | tr -d ' '):$(tail -c 2 "$tap_dir/time" | od -An -c | tr -d ' ')" \
	'1:\r\n'
day=$(sed 's/ [^ ]*$//' "$tap_dir/time")
if [ "$day" = "$before" ]; then
	after=$before
fi
is "daytime: the day" "$day" "$after"
is "daytime: the time and the zone" \
	"$(tr -d '\r' <"$tap_dir/time" | sed 's/.* //; s/[0-9]/0/g')" 00:00:00-XYZ
is "daytime: what a client says does not matter" \
	"$(timeout 20 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/million" | wc -l | tr -d ' ')" 1
asks() {
	timeout 20 nc.openbsd -d 127.0.0.1 "$port"
}
fifty asks
is "daytime: fifty at once" "$(cat "$tap_dir"/many.* | grep -c -- '-XYZ')" 50
finish TERM
is "daytime: exit 0" "$status" 0
unset TZ

# --------------------------------------------------------------------------- chargen

# reference LINES
reference() {
	awk -v lines="$1" 'BEGIN {
		for (i = 32; i < 127; i++)
			ring = ring sprintf("%c", i)
		ring = ring ring
		for (i = 0; i < lines; i++)
			printf "%s\r\n", substr(ring, i % 95 + 1, 72)
	}'
}
serve --chargen 127.0.0.1:0
timeout 20 nc.openbsd -d 127.0.0.1 "$port" 2>/dev/null | head -n 10000 >"$tap_dir/lines"
is "chargen: the first line begins with a space" "$(head -n 1 "$tap_dir/lines" | tr -d '\r')" \
	" !\"#\$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_\`abcdefg"
is "chargen: it has 72 characters" "$(head -n 1 "$tap_dir/lines" | tr -d '\r\n' | wc -c | tr -d ' ')" \
	72
reference 10000 >"$tap_dir/reference"
cmp -s "$tap_dir/lines" "$tap_dir/reference"
is "chargen: 10000 lines are as they should be" $? 0
reference 1000 >"$tap_dir/reference"
reads() {
	timeout 20 nc.openbsd -d 127.0.0.1 "$port" 2>/dev/null | head -n 1000 |
		cmp - "$tap_dir/reference"
}
fifty reads
is "chargen: fifty at once" "$(cat "$tap_dir"/many.*)" ""
# nc goes on to read what comes after its client's end.
is "chargen: what a client says does not matter" \
	"$(timeout 20 nc.openbsd 127.0.0.1 "$port" <"$tap_dir/lines" 2>/dev/null | head -n 1000 |
		cmp - "$tap_dir/reference")" ""
stay
within 10 heard_something
finish TERM
is "chargen: SIGTERM while a client reads: exit 0" "$status" 0
wait "$stayed"
is "chargen: whose end is in order" $? 0
tr -d '\r' <"$tap_dir/heard" | awk 'length($0) != 72 { wrong++ } END { exit wrong > 1 }'
is "chargen: after whole lines, and at most one part" $? 0

serve --chargen 127.0.0.1:0
stay
within 10 heard_something
kill -STOP "$stayed"
finish TERM
is "chargen: SIGTERM while a client does not read: exit 0" "$status" 0
kill -KILL "$stayed"
wait "$stayed" 2>/dev/null

# ------------------------------------------------------------------------------ echo

serve -v --echo 127.0.0.1:0
echoes() {
	timeout 20 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/million" | cmp - "$tap_dir/same"
}
cp "$tap_dir/million" "$tap_dir/same"
fifty echoes
is "echo: fifty at once, a megabyte each" "$(cat "$tap_dir"/many.*)" ""
if present ruby; then
	timeout 20 ruby -rsocket -e '20.times do
		s = TCPSocket.new("127.0.0.1", ARGV[0].to_i)
		s.setsockopt(Socket::Option.linger(true, 0))
		s.write("x" * 1000)
		s.close
	end' "$port"
	all_ended() {
		[ "$(grep -c '^hark: end ' "$log")" = 70 ]
	}
	within 10 all_ended
	# Two sessions that end at once may write their lines in either order; who comes
	# after all of them sees what they left behind.
	echo last | timeout 20 nc.openbsd -N 127.0.0.1 "$port" >/dev/null
	is "echo: twenty clients that reset cost no place" \
		"$(grep '^hark: begin ' "$log" | tail -n 1 | sed 's/.*, //')" "1 of 4000"
else
	skip "echo: clients that reset" "ruby is not installed"
fi
finish TERM
is "echo: exit 0" "$status" 0

done_testing
