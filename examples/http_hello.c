/* HTTP by libmicrohttpd, and hark in front of it: hark listens, lets in whom the options
 * admit and minds the signals; who is in is handed over, and the library talks HTTP.
 *
 *	./http_hello localhost:4481 &
 *	curl http://localhost:4481/
 */
#include <hark_server.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>

struct site {
	struct MHD_Daemon *daemon;
	atomic_bool ending;
};

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **request)
{
	static char text[] = "ohai\n";
	struct site *site = ctx;
	struct MHD_Response *response;
	enum MHD_Result done;

	(void)url, (void)method, (void)version, (void)upload;
	if (*request == NULL || *upload_size > 0) { /* its head, a part of its body */
		*request = site;
		*upload_size = 0;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(
		strlen(text), text, MHD_RESPMEM_PERSISTENT);
	if (site->ending)
		(void)MHD_add_response_header(response, "Connection", "close");
	done = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return done;
}

/* Never waits for the client, so one connection after another will do. */
static void hand_over(struct hark_conn *conn, void *ctx)
{
	const struct site *site = ctx;
	struct hark_addr peer = *hark_conn_peer_addr(conn);
	int fd = hark_conn_release(conn, NULL, NULL);

	if (fd >= 0) /* what it does not take it closes */
		(void)MHD_add_connection(
			site->daemon, fd, &peer.u.any, (socklen_t)peer.length);
}

/* Requests on their way are answered, and clients that keep their connection for later
 * ones have two seconds. */
static void end(struct site *site)
{
	const union MHD_DaemonInfo *now;
	int tries = 200;

	site->ending = true;
	do {
		(void)poll(NULL, 0, 10);
		now = MHD_get_daemon_info(
			site->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	} while (now != NULL && now->num_connections > 0 && --tries > 0);
	MHD_stop_daemon(site->daemon);
}

int main(int argc, char **argv)
{
	struct hark_server_options options = {
		.model = HARK_MODEL_SERIAL,
		.mind_signals = HARK_ON,
	};
	struct site site = {NULL, false};
	struct hark_error err;
	int served;

	site.daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		answer, &site, MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_END);
	if (site.daemon == NULL)
		return fprintf(stderr, "libmicrohttpd does not start\n"), 111;
	served = hark_serve(
		argc > 1 ? argv[1] : "4481", hand_over, &site, &options, &err);
	end(&site);
	if (served < 0) {
		hark_error_print(stderr, &err);
		return hark_error_exit_code(&err);
	}
	return 0;
}
