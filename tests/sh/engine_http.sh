#!/bin/sh
# hark before an HTTP library: it has the connections, released.  S2 S5
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

if [ ! -x "$HARK_EXAMPLES/http_hello" ]; then
	skip "http_hello" "built without libmicrohttpd"
	done_testing
fi
for client in curl nc.openbsd; do
	if ! present $client; then
		skip "http_hello" "$client is not installed"
		done_testing
	fi
done

export HOME="$tap_dir"
get() {
	timeout 60 curl -q -sS --noproxy '*' "$@"
}

# busy CONCURRENCY OPTION...: ab, a thousand requests
busy() {
	if ! present ab; then
		skip "ab $*" "ab is not installed"
		return
	fi
	has "ab $*" "$(timeout 60 ab -q -n 1000 -c "$@" "$url/" 2>&1)" \
		"Complete requests:      1000" "Failed requests:        0"
}

free_port
start http_hello "localhost:$port"
url=http://127.0.0.1:$port

is "a request" "$(get "$url/")" ohai
is "over IPv6" "$(get "http://[::1]:$port/")" ohai
is "several on one connection" \
	"$(get -w '%{num_connects} ' "$url/" "$url/a" "$url/b" | tr '\n' ' ')" "ohai 1 ohai 0 ohai 0 "
head -c 300000 /dev/zero >"$tap_dir/large"
is "a request with a body" "$(get --data-binary "@$tap_dir/large" "$url/")" ohai
is "the head alone" "$(get -I "$url/" | grep -c '200 OK')" 1
busy 1
busy 20
busy 20 -k

# Who keeps his connection for later does not keep the server from its end.
mkfifo "$tap_dir/in"
nc.openbsd 127.0.0.1 "$port" >"$tap_dir/out" <"$tap_dir/in" &
tap_pids="$tap_pids $!"
exec 3>"$tap_dir/in"
printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3
within 10 grep -q ohai "$tap_dir/out"
is "one that stays for more" $? 0
finish TERM
is "SIGTERM: ends cleanly" "$status" 0
get "$url/" >"$tap_dir/out" 2>&1
is "nobody new is served" $? 7
done_testing
