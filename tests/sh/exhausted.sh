#!/bin/sh
# Out of descriptors, for real: a limit of 24 and 40 clients.  The server does not spin,
# does not flood its log, and everybody is served in the end.  P4
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

if ! present ruby; then
	skip "everybody is served" "ruby is not installed"
	done_testing
fi

# hark raises its soft limit to the hard one, so both are low.
real=$HARK
cat >"$tap_dir/limited" <<END
#!/bin/sh
ulimit -n 24
exec "$real" "\$@"
END
chmod +x "$tap_dir/limited"
HARK=$tap_dir/limited
serve --echo 127.0.0.1:0

# Forty clients connect and say their number; all stay for two seconds after the first
# answer, so that half of them wait; then they leave as their answers come.
served=$(timeout 60 ruby -rsocket -e '
	port = ARGV[0].to_i
	clients = (1..40).map { |i| s = TCPSocket.new("127.0.0.1", port); s.puts(i); s }
	sleep 2
	answers = clients.map { |s| line = s.gets; s.close; line.to_i }
	puts answers == (1..40).to_a' "$port" 2>&1)
is "all forty are served" "$served" true

ticks=$(awk '{ print $14 + $15 }' "/proc/$server/stat")
hertz=$(getconf CLK_TCK)
if [ $((ticks * 1000 / hertz)) -le 500 ]; then
	pass "it hardly used the processor"
else
	fail "it hardly used the processor"
	note "$ticks ticks of $hertz a second"
fi

resumed() {
	grep -q 'accepting again' "$log"
}
within 10 resumed
lines=$(grep -c -e paused -e 'accepting again' "$log")
if [ "$lines" -ge 2 ] && [ "$lines" -le 3 ]; then
	pass "at most three lines tell of it"
else
	fail "at most three lines tell of it"
	note "$(cat "$log")"
fi
has "which name the limit and the remedy" "$(cat "$log")" EMFILE 24 "ulimit"

is "a new client is served at once" "$(echo ohai | nc.openbsd -N 127.0.0.1 "$port")" ohai
finish TERM
is "exit 0" "$status" 0
done_testing
