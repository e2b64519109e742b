#!/bin/sh
# Programs that chain, as they were written for tcpserver: each minds what it is told of
# the connection, and becomes the next.  K1 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

if ! present nc.openbsd; then
	skip "a chain" "nc.openbsd is not installed"
	done_testing
fi

export HOME="$tap_dir"

# talk TEXT: what the server answers, without the carriage returns
talk() {
	printf '%s\n' "$1" | timeout 60 nc.openbsd -N 127.0.0.1 "$port" 2>&1 | tr -d '\r'
}

# end: the server's, after its clients
end() {
	within 10 childless
	is "no process is left of these" $? 0
	finish TERM
	is "SIGTERM: exit 0" "$status" 0
}

# logged PATTERN LINES
logged() {
	[ "$(grep -c "$1" "$log")" = "$2" ]
}

# What the server was told itself is not what it tells: except for what is no business
# of its own.
export TCPREMOTEHOST=wrong TCPREMOTEINFO=wrong TCPLOCALHOST=wrong TCPREMOTEIP=wrong
export HARK_TEST_OWN=kept
serve 127.0.0.1:0 -- env CHAIN=linked sh -c 'exec "$@"' sh sh -c '
	read -r line
	echo "$line: $PROTO from $TCPREMOTEIP to $TCPLOCALIP $TCPLOCALPORT"
	echo "${TCPREMOTEHOST-unset}, ${TCPREMOTEINFO-unset}, ${TCPLOCALHOST-unset}"
	echo "$TCPCONNNUM from there"
	echo "$CHAIN and $HARK_TEST_OWN"
	echo "$TCPREMOTEPORT" >&2'
unset TCPREMOTEHOST TCPREMOTEINFO TCPLOCALHOST TCPREMOTEIP
is "the environment reaches the end of a chain" "$(talk ohai)" \
	"ohai: TCP from 127.0.0.1 to 127.0.0.1 $port
unset, unset, unset
1 from there
linked and kept"
is "the client's port is a number, and standard error the server's" \
	"$(tail -n 1 "$log" | tr -d 0-9)" ""
end

if ! present recordio || ! present rblsmtpd || ! present fixcrio; then
	skip "recordio, rblsmtpd and fixcrio" "ucspi-tcp is not installed"
	done_testing
fi

# recordio writes what goes in and out, under the pid of what it watches.
serve 127.0.0.1:0 -- recordio sh -c 'line=$(cat); echo "$TCPREMOTEIP says $line, $$"'
answer=$(talk ohai)
has "recordio passes on what is said" "$answer" "127.0.0.1 says ohai, "
pid=${answer##* }
within 10 logged "^$pid > \[EOF\]" 1
is "and the end" $? 0
is "and writes it to the server's standard error" "$(grep -v '^hark:' "$log" | sort)" \
	"$(printf '%s\n' "$pid < ohai " "$pid < [EOF]" "$pid > $answer " "$pid > [EOF]" | sort)"
end

head -c 200000 /dev/urandom >"$tap_dir/large"
serve 127.0.0.1:0 -- recordio cat
clients=
for i in 1 2 3 4; do
	timeout 60 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/large" >"$tap_dir/back.$i" &
	clients="$clients $!"
done
i=0
for client in $clients; do
	i=$((i + 1))
	wait "$client"
	cmp "$tap_dir/large" "$tap_dir/back.$i"
	is "200 kB go through recordio as they are, $i of four at once" $? 0
done
end

# rblsmtpd turns away whom the chain before it says.
mail="HELO client
MAIL FROM:<a@localhost>
RCPT TO:<b@localhost>
DATA
Subject: through a chain

.. is one dot
.
QUIT"
serve 127.0.0.1:0 -- sh -c 'RBLSMTPD="-not from $TCPREMOTEIP"; export RBLSMTPD; exec "$@"' \
	sh rblsmtpd -b false
has "rblsmtpd turns away a client by his address" "$(talk "$mail")" \
	"220 rblsmtpd.local" "553 not from 127.0.0.1"
has "and writes it to the server's standard error" "$(cat "$log")" \
	"rblsmtpd: 127.0.0.1 pid " ": 553 not from 127.0.0.1"
end

# And lets others through to the server, which is asked in lines that only fixcrio
# makes those of SMTP.
if present msmtpd; then
	serve 127.0.0.1:0 -- env RBLSMTPD= recordio rblsmtpd -b fixcrio msmtpd --inetd \
		--command="cat >$tap_dir/mail #"
	has "a chain of four, to an SMTP server" "$(talk "$mail")" "220 " "354 " "221 "
	has "and the mail is delivered" "$(cat "$tap_dir/mail")" "Subject: through a chain
" "
. is one dot"
	within 10 logged '^[0-9]* > \[EOF\]' 1
	has "and recordio wrote both sides" "$(cat "$log")" " < RCPT TO:<b@localhost>" " > 354 "
	end
else
	skip "a chain of four, to an SMTP server" "msmtpd is not installed"
fi

# A conversation in progress outlives the server, and so does its record.
serve 127.0.0.1:0 -- recordio cat
mkfifo "$tap_dir/in"
timeout 60 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/in" >"$tap_dir/out" &
client=$!
exec 3>"$tap_dir/in"
(echo first >&3)
within 20 grep -q first "$tap_dir/out"
is "a conversation is in progress" $? 0
finish TERM
is "SIGTERM: exit 0" "$status" 0
timeout 30 nc.openbsd -z 127.0.0.1 "$port" 2>/dev/null
is "nobody new is served" $? 1
(echo second >&3)
exec 3>&-
wait "$client"
is "the conversation in progress ends well" "$?: $(cat "$tap_dir/out")" "0: first
second"
within 10 logged '^[0-9]* > \[EOF\]' 1
is "and so does its record" "$(grep -c '^[0-9]* [<>] second' "$log")" 2

# With --wait the server goes as soon as the last conversation has.
refuses() {
	! timeout 30 nc.openbsd -z 127.0.0.1 "$port" 2>/dev/null
}
serve --wait 127.0.0.1:0 -- recordio cat
timeout 60 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/in" >"$tap_dir/out" &
client=$!
exec 3>"$tap_dir/in"
(echo third >&3)
within 20 grep -q third "$tap_dir/out"
kill -TERM "$server"
within 20 refuses
is "--wait: SIGTERM, and nobody new is served" $? 0
kill -0 "$server"
is "but the server waits for its conversation" $? 0
(echo fourth >&3)
exec 3>&-
wait "$client"
is "which ends well" "$?: $(cat "$tap_dir/out")" "0: third
fourth"
wait "$server"
is "and then the server, with exit 0" $? 0

done_testing
