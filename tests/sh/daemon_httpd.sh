#!/bin/sh
# busybox httpd -i: files, CGI in both directions, and an answer that outlives the
# server.  K1 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

httpd=
for busybox in busybox busybox-extras; do
	if present "$busybox" && "$busybox" --list | grep -qx httpd; then
		httpd=$busybox
	fi
done
if [ -z "$httpd" ]; then
	skip "busybox httpd" "no busybox with httpd is installed"
	done_testing
fi
if ! present curl; then
	skip "busybox httpd" "curl is not installed"
	done_testing
fi

export HOME="$tap_dir"
get() {
	timeout 60 curl -q -sS --noproxy '*' "$@"
}

www=$tap_dir/www
mkdir "$www" "$www/cgi-bin" "$tap_dir/hold"
: >"$tap_dir/httpd.conf"
head -c 1000000 /dev/urandom >"$www/large"
cat >"$www/cgi-bin/who" <<-'END'
	#!/bin/sh
	printf 'Content-Type: text/plain\r\n\r\n'
	echo "$REQUEST_METHOD $QUERY_STRING from $REMOTE_ADDR port $REMOTE_PORT"
	echo "$PROTO $TCPREMOTEIP $TCPREMOTEPORT $TCPLOCALIP $TCPLOCALPORT"
END
cat >"$www/cgi-bin/echo" <<-'END'
	#!/bin/sh
	printf 'Content-Type: application/octet-stream\r\n\r\n'
	head -c "$CONTENT_LENGTH"
END
# Waits at the gate, with the answer begun.
cat >"$www/cgi-bin/hold" <<-END
	#!/bin/sh
	printf 'Content-Type: application/octet-stream\r\n\r\n'
	cat "$www/large"
	: >"$tap_dir/hold/arrived"
	read -r line <"$tap_dir/hold/gate"
	cat "$www/large"
END
chmod +x "$www"/cgi-bin/*

serve 127.0.0.1:0 -- "$httpd" httpd -i -h "$www" -c "$tap_dir/httpd.conf"
url=http://127.0.0.1:$port

get -o "$tap_dir/out" "$url/large"
is "a file of 1 MB" $? 0
cmp "$www/large" "$tap_dir/out"
is "comes as it was" $? 0
is "a file that is not there" "$(get -o /dev/null -w '%{http_code}' "$url/none")" 404

get -o "$tap_dir/who" -w '%{local_port}' "$url/cgi-bin/who?ohai" >"$tap_dir/its_port"
its_port=$(cat "$tap_dir/its_port")
is "CGI, in which httpd tells who the client is" "$(head -n 1 "$tap_dir/who")" \
	"GET ohai from 127.0.0.1 port $its_port"
is "and the server tells the same" "$(tail -n 1 "$tap_dir/who")" \
	"TCP 127.0.0.1 $its_port 127.0.0.1 $port"

get -o "$tap_dir/out" --data-binary "@$www/large" "$url/cgi-bin/echo"
is "1 MB to CGI and back" $? 0
cmp "$www/large" "$tap_dir/out"
is "is as it was" $? 0

clients=
for i in 1 2 3 4 5 6 7 8; do
	get -o "$tap_dir/several.$i" "$url/large" -o "$tap_dir/cgi.$i" "$url/cgi-bin/who?$i" &
	clients="$clients $!"
done
i=0
for client in $clients; do
	i=$((i + 1))
	wait "$client"
	is "client $i of eight at once ends well" $? 0
	cmp "$www/large" "$tap_dir/several.$i"
	is "and has its file" $? 0
	has "and its CGI" "$(cat "$tap_dir/cgi.$i")" "GET $i from 127.0.0.1 port "
done
within 10 childless
is "no process is left of all these" $? 0

# An answer in progress: half of it comes after the end of the server.
mkfifo "$tap_dir/hold/gate"
get -o "$tap_dir/late" "$url/cgi-bin/hold" &
client=$!
within 20 test -e "$tap_dir/hold/arrived"
is "an answer is in progress" $? 0
finish TERM
is "SIGTERM: exit 0" "$status" 0
get "$url/large" >"$tap_dir/out" 2>&1
is "nobody new is served" $? 7
if [ -e "$tap_dir/hold/arrived" ]; then
	timeout 20 sh -c 'echo >"$1"' sh "$tap_dir/hold/gate"
fi
wait "$client"
is "the answer in progress ends well" $? 0
cat "$www/large" "$www/large" | cmp - "$tap_dir/late"
is "and is whole" $? 0

done_testing
