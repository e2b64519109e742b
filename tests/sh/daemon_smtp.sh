#!/bin/sh
# An SMTP server for inetd, msmtpd: mail goes in by SMTP and comes out in a file, several
# at once, and one outlives the server.  K1 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

if ! present msmtpd; then
	skip "an SMTP server" "msmtpd is not installed"
	done_testing
fi
if ! present curl; then
	skip "an SMTP server" "curl is not installed"
	done_testing
fi
if ! curl --version | grep -q '^Protocols:.* smtp'; then
	skip "an SMTP server" "curl has no SMTP here"
	done_testing
fi

export HOME="$tap_dir"
# What delivers: sender and recipients in the first line, then the mail, under the name of
# the first recipient.
cat >"$tap_dir/deliver" <<-END
	#!/bin/sh
	from=\$1
	shift 2
	{
		echo "from \$from to \$*, from \$TCPREMOTEIP"
		cat
	} >"$tap_dir/\$1.part" && mv "$tap_dir/\$1.part" "$tap_dir/\$1.mail"
END
chmod +x "$tap_dir/deliver"

# A mail with what SMTP has to mind, and half a megabyte of attachment.
{
	echo "From: a@localhost"
	echo "Subject: dots, and lines"
	echo
	echo "."
	echo ".."
	echo ".first"
	echo "last."
	echo
	head -c 400000 /dev/urandom | od -An -v -tx1
	echo
} >"$tap_dir/lines"
sed "s/\$/$(printf '\r')/" "$tap_dir/lines" >"$tap_dir/message"

# send RECIPIENT MESSAGE
send() {
	timeout 60 curl -q -sS --noproxy '*' --mail-from a@localhost \
		--mail-rcpt "$1" --mail-rcpt also@localhost -T "$2" "smtp://127.0.0.1:$port/client"
}

# arrived RECIPIENT: as it was, after what the server says of its way
arrived() {
	sed -n '/^From: /,$p' "$tap_dir/$1.mail" | tr -d '\r' | cmp - "$tap_dir/lines"
}

serve 127.0.0.1:0 -- msmtpd --inetd --log="$tap_dir/msmtpd.log" \
	--command="$tap_dir/deliver %F --"

send one@localhost "$tap_dir/message" 2>"$tap_dir/err"
is "a mail is taken" "$?: $(cat "$tap_dir/err")" "0: "
is "and delivered, with sender, recipients and the client's address" \
	"$(head -n 1 "$tap_dir/one@localhost.mail")" \
	"from a@localhost to one@localhost also@localhost, from 127.0.0.1"
arrived one@localhost
is "and is as it was" $? 0

clients=
for i in 1 2 3 4 5 6; do
	send "$i@localhost" "$tap_dir/message" 2>"$tap_dir/err.$i" &
	clients="$clients $!"
done
i=0
for client in $clients; do
	i=$((i + 1))
	wait "$client"
	is "mail $i of six at once is taken" "$?: $(cat "$tap_dir/err.$i")" "0: "
	arrived "$i@localhost"
	is "and delivered as it was" $? 0
done
within 10 childless
is "no process is left of all these" $? 0

# A mail in progress: its envelope is sent, and its text waits for the end of the server.
mkfifo "$tap_dir/in"
timeout 60 curl -q -sS -v --noproxy '*' --mail-from a@localhost --mail-rcpt late@localhost \
	-T - "smtp://127.0.0.1:$port/client" <"$tap_dir/in" 2>"$tap_dir/late.err" &
client=$!
exec 3>"$tap_dir/in"
within 20 grep -q '^< 354' "$tap_dir/late.err"
is "a mail is in progress" $? 0
finish TERM
is "SIGTERM: exit 0" "$status" 0
send refused@localhost "$tap_dir/message" 2>"$tap_dir/err"
is "nobody new is served" $? 7
cat "$tap_dir/message" >&3
exec 3>&-
wait "$client"
is "the mail in progress is taken" $? 0
arrived late@localhost
is "and delivered as it was" $? 0

done_testing
