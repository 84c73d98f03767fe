// SPDX-License-Identifier: Apache-2.0
// One connection's TLS: the BIO between OpenSSL and the socket, reading and writing, the handshake.
// The flags of the watch stay as true as without TLS, so that OpenSSL costs no system call of its own:
// one recv() takes header and records (read-ahead), and none is made when the last one emptied the
// socket.
#include "runtime/net/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/net/tls_hooks.hpp"

namespace weir::net {

namespace {

constexpr unsigned char handshake_record = 22;
constexpr std::size_t largest_record = 16384;
static_assert(most_early_data <= 65536);   // it is held until it is read

// Errors of other calls must not be taken for those of the next one.
void forget_errors() {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

Stream& stream_of(BIO* bio) { return *static_cast<Stream*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* into, int room) {
    return TlsHooks::receive(stream_of(bio), bio, into, room);
}
int bio_write(BIO* bio, const char* from, int bytes) {
    return TlsHooks::send(stream_of(bio), bio, from, bytes);
}
long bio_ctrl(BIO* bio, int what, long, void*) {
    switch (what) {
        case BIO_CTRL_FLUSH: return 1;
        case BIO_CTRL_EOF: return stream_of(bio).tls() && !stream_of(bio).tls()->ended_cleanly();
        default: return 0;
    }
}

BIO_METHOD* socket_method() {
    static BIO_METHOD* const method = [] {
        auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir stream");
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_ctrl(made, bio_ctrl);
        BIO_meth_set_create(made, [](BIO* bio) {
            BIO_set_init(bio, 1);
            return 1;
        });
        return made;
    }();
    return method;
}

std::string all_errors() {
    std::string text;
    const char* more = nullptr;
    int flags = 0;
    while (auto code = ERR_get_error_all(nullptr, nullptr, nullptr, &more, &flags)) {
        char line[256];
        ERR_error_string_n(code, line, sizeof line);
        if (!text.empty()) text += ' ';
        text += line;
        if ((flags & ERR_TXT_STRING) && more && *more) text.append(":").append(more);
    }
    return text;
}

}  // namespace

int TlsHooks::receive(Stream& stream, BIO* bio, char* into, int room) {
    auto& session = *stream.tls();
    BIO_clear_retry_flags(bio);
    Io got;
    if (session.not_tls_) return -1;
    if (!session.early_.empty()) {
        got.bytes = std::min(session.early_.size(), static_cast<std::size_t>(room));
        std::memcpy(into, session.early_.data(), got.bytes);
        session.early_.erase(0, got.bytes);
    } else if (!stream.watch.readable) {
        got.state = Io::State::blocked;
    } else {
        got = stream.receive(into, static_cast<std::size_t>(room));
    }
    switch (got.state) {
        case Io::State::blocked: BIO_set_retry_read(bio); return -1;
        case Io::State::end: session.cut_off_ = true; return 0;
        case Io::State::failed: session.error_ = got.error; return -1;
        case Io::State::ok: break;
    }
    if (!session.looked_) {
        session.looked_ = true;
        if (SSL_is_server(session.ssl_) && static_cast<unsigned char>(into[0]) != handshake_record) {
            session.not_tls_ = true;
            session.early_.insert(0, into, got.bytes);
            return -1;
        }
    }
    return static_cast<int>(got.bytes);
}

int TlsHooks::send(Stream& stream, BIO* bio, const char* from, int bytes) {
    auto& session = *stream.tls();
    BIO_clear_retry_flags(bio);
    // OpenSSL comes back with the rest at once; the socket is known to be full.
    if (session.full_ && !stream.watch.writable) {
        BIO_set_retry_write(bio);
        return -1;
    }
    iovec piece{const_cast<char*>(from), static_cast<std::size_t>(bytes)};
    // Nobody waits for the tickets of TLS 1.3: they go with the first answer, or soon by themselves.
    const bool more = session.more_ || SSL_get_state(session.ssl_) == TLS_ST_SW_SESSION_TICKET;
    auto sent = stream.send({&piece, 1}, more);
    if (sent.state == Io::State::failed) {
        session.error_ = sent.error;
        return -1;
    }
    session.full_ = sent.bytes < static_cast<std::size_t>(bytes);
    if (session.full_) stream.watch.writable = false;
    if (sent.state == Io::State::blocked) {
        BIO_set_retry_write(bio);
        return -1;
    }
    return static_cast<int>(sent.bytes);
}

TlsSession* TlsHooks::session_of(const SSL* ssl) {
    return static_cast<TlsSession*>(SSL_get_app_data(ssl));
}

namespace {

// The content of an extension behind the length in front of it; `wide`: of two bytes, else of one.
std::string list_in(SSL* ssl, unsigned type, bool wide, std::size_t most) {
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    const std::size_t skip = wide ? 2 : 1;
    if (!SSL_client_hello_get0_ext(ssl, type, &bytes, &size) || size < skip) return {};
    return {reinterpret_cast<const char*>(bytes + skip), std::min(size - skip, most)};
}

std::shared_ptr<const TlsOffer> read_offer(SSL* ssl, std::size_t most) {
    auto offer = std::make_shared<TlsOffer>();
    offer->version = SSL_client_hello_get0_legacy_version(ssl);
    const unsigned char* bytes = nullptr;
    const auto size = SSL_client_hello_get0_ciphers(ssl, &bytes);
    offer->ciphers.assign(reinterpret_cast<const char*>(bytes), std::min(size, most));
    offer->groups = list_in(ssl, TLSEXT_TYPE_supported_groups, true, most);
    offer->formats = list_in(ssl, TLSEXT_TYPE_ec_point_formats, false, most);
    offer->signatures = list_in(ssl, TLSEXT_TYPE_signature_algorithms, true, most);
    offer->versions = list_in(ssl, TLSEXT_TYPE_supported_versions, false, most);
    int* types = nullptr;
    std::size_t count = 0;
    if (SSL_client_hello_get1_extensions_present(ssl, &types, &count) == 1)
        for (std::size_t i = 0; i < count && offer->extensions.size() + 2 <= most; ++i) {
            offer->extensions += static_cast<char>(types[i] >> 8);
            offer->extensions += static_cast<char>(types[i]);
        }
    OPENSSL_free(types);
    return offer;
}

}  // namespace

// The server_name of the hello (RFC 6066 section 3): a list with one host_name in it.
int TlsHooks::on_hello(SSL* ssl, int* alert, void*) {
    auto* session = session_of(ssl);
    if (!session || !session->picker_.pick) return SSL_CLIENT_HELLO_SUCCESS;
    if (const auto most = session->context_->profile_.keeps_hello) session->offer_ = read_offer(ssl, most);
    TlsHello hello;
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) && size >= 5) {
        std::size_t list = static_cast<std::size_t>(bytes[0]) << 8 | bytes[1];
        std::size_t name = static_cast<std::size_t>(bytes[3]) << 8 | bytes[4];
        if (list + 2 == size && bytes[2] == TLSEXT_NAMETYPE_host_name && name + 5 <= size) {
            hello.server_name = {reinterpret_cast<const char*>(bytes + 5), name};
            hello.has_server_name = true;
        }
    }
    if (session->picker_.pick(session->picker_.owner, *session, hello)) return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
}

int TlsHooks::on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                      const unsigned char* in, unsigned int in_size, void*) {
    auto* session = session_of(ssl);
    if (session && !session->context_->profile_.answers_alpn) return SSL_TLSEXT_ERR_NOACK;
    auto ours = session ? session->context_->alpn() : std::string_view();
    auto select = [&](std::string_view list) {
        unsigned char* chosen = nullptr;
        int how = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(list.data()),
                                        static_cast<unsigned>(list.size()), in, in_size);
        *out = chosen;
        return how == OPENSSL_NPN_NEGOTIATED;
    };
    if (session && session->offers_h2_) {
        if (select("\x02h2")) return SSL_TLSEXT_ERR_OK;
        if (ours.empty()) ours = "\x08http/1.1";
    }
    if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
    if (select(ours)) return SSL_TLSEXT_ERR_OK;
    return session->context_->profile_.alpn_must_match ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

// Whether an error of the client's certificate ends the handshake; it is noted in any case.
int TlsHooks::on_verify(int fine, X509_STORE_CTX* context) {
    if (fine) return 1;
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* session = session_of(ssl);
    if (!session) return 0;
    const auto& profile = session->context_->profile_;
    int error = X509_STORE_CTX_get_error(context);
    int depth = X509_STORE_CTX_get_error_depth(context);
    bool above = depth > 0;
    auto& errors = session->errors_;
    if (above && errors.ca_error == 0) {
        errors.ca_error = error;
        errors.ca_error_depth = depth;
    }
    if (!above && errors.error == 0) errors.error = error;
    if (!profile.bad_certificate_ends) return 1;
    if (above ? profile.ignores_all_ca_errors : profile.ignores_all_errors) return 1;
    const auto& ignored = above ? profile.ignored_ca_errors : profile.ignored_errors;
    if (std::find(ignored.begin(), ignored.end(), error) != ignored.end()) return 1;
    (above ? errors.ended_by_ca : errors.ended) = true;
    return 0;
}

// Early data can be sent again by whoever saw it go by. Each first message is taken once; tickets are
// only good for it for some seconds, so what came longer ago need not be known (RFC 8446 section 8.2).
int TlsHooks::on_early_data(SSL* ssl, void*) {
    unsigned char random[SSL3_RANDOM_SIZE];
    const auto& keeper = session_keeper();
    auto size = SSL_get_client_random(ssl, random, sizeof random);
    return keeper.is_first && keeper.is_first(keeper.self, {reinterpret_cast<const char*>(random), size}) ? 1 : 0;
}

int TlsHooks::on_new_session(SSL* ssl, SSL_SESSION* made) {
    auto* session = session_of(ssl);
    if (!session || !session->memory_) return 0;
    session->memory_->forget();
    session->memory_->last_ = made;
    return 1;   // the reference is ours now
}

TlsMemory::~TlsMemory() { forget(); }

void TlsMemory::forget() {
    SSL_SESSION_free(last_);
    last_ = nullptr;
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, ssl_st* ssl)
    : ssl_(ssl), context_(std::move(context)) {
    SSL_set_app_data(ssl_, this);
}

TlsSession::~TlsSession() {
    // A connection that broke off says nothing about its session: others may resume it.
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl_);
    forget_errors();
}

std::unique_ptr<TlsSession> TlsSession::accept(std::shared_ptr<const TlsContext> context,
                                               TlsPicker picker, std::string_view early) {
    auto* ssl = SSL_new(context->get());
    if (!ssl) return nullptr;
    std::unique_ptr<TlsSession> made(new TlsSession(std::move(context), ssl));
    made->picker_ = picker;
    made->early_ = early;
    SSL_set_accept_state(ssl);
    return made;
}

std::unique_ptr<TlsSession> TlsSession::connect(std::shared_ptr<const TlsContext> context,
                                                const TlsTarget& target) {
    auto* ssl = SSL_new(context->get());
    if (!ssl) return nullptr;
    std::unique_ptr<TlsSession> made(new TlsSession(std::move(context), ssl));
    SSL_set_connect_state(ssl);
    if (!target.server_name.empty() &&
        SSL_set_tlsext_host_name(ssl, std::string(target.server_name).c_str()) != 1)
        return nullptr;
    if (!target.verified_name.empty()) {
        std::string name(target.verified_name);
        auto* param = SSL_get0_param(ssl);
        if (X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) != 1) {
            forget_errors();
            X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
            if (X509_VERIFY_PARAM_set1_host(param, name.data(), name.size()) != 1) return nullptr;
        }
    }
    made->memory_ = target.memory;
    if (target.memory && target.memory->last_) SSL_set_session(ssl, target.memory->last_);
    if (!target.early.empty() && target.early.size() <= early_room(target.memory.get())) {
        made->early_step_ = EarlyStep::send;
        made->early_to_send_ = target.early;
    }
    return made;
}

std::size_t TlsSession::early_room(const TlsMemory* memory) {
    return memory && memory->last_ ? SSL_SESSION_get_max_early_data(memory->last_) : 0;
}

std::size_t TlsSession::early_sent() const {
    return early_written_ != 0 && SSL_get_early_data_status(ssl_) == SSL_EARLY_DATA_ACCEPTED ? early_written_ : 0;
}

void TlsSession::take_early_data() { early_step_ = EarlyStep::data; }

void TlsSession::attach(Stream& stream) {
    auto* bio = BIO_new(socket_method());
    BIO_set_data(bio, &stream);
    SSL_set_bio(ssl_, bio, bio);
    // Bytes that are here already need no event.
    if (!early_.empty()) stream.watch.readable = true;
}

void TlsSession::use(std::shared_ptr<const TlsContext> context) {
    if (context == context_ || context == context_->plain_) return;
    SSL_set_SSL_CTX(ssl_, context->get());
    TlsHooks::take_rules(ssl_, *context);
    context_ = std::move(context);
}

void TlsSession::set_scope(std::string_view scope) {
    SSL_set_session_id_context(ssl_, reinterpret_cast<const unsigned char*>(scope.data()),
                               static_cast<unsigned>(scope.size()));
}

const char* TlsSession::protocol() const { return ready_ ? SSL_get_version(ssl_) : ""; }
const char* TlsSession::cipher() const { return ready_ ? SSL_get_cipher_name(ssl_) : ""; }
std::string_view TlsSession::alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}
const char* TlsSession::server_name() const {
    return SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
}
bool TlsSession::resumed() const { return SSL_session_reused(ssl_) == 1; }
int TlsSession::verify_error() const { return static_cast<int>(SSL_get_verify_result(ssl_)); }
bool TlsSession::has_peer_certificate() const { return SSL_get0_peer_certificate(ssl_) != nullptr; }
const char* TlsSession::verify_text(int verify_error) {
    return X509_verify_cert_error_string(verify_error);
}

// What a call that moved nothing means for who reads or writes.
Io TlsSession::outcome_of(Stream& stream, int result, bool reading) {
    int why = SSL_get_error(ssl_, result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        // The BIO has set the flag of its own direction. Where OpenSSL wants the other one first, the
        // caller still waits for its own: that goes out with the next record.
        if (reading != (why == SSL_ERROR_WANT_READ))
            (reading ? stream.watch.readable : stream.watch.writable) = false;
        return {Io::State::blocked, 0, 0};
    }
    if (why == SSL_ERROR_ZERO_RETURN) return {Io::State::end, 0, 0};
    broken_ = true;
    ERR_clear_error();
    return {Io::State::failed, 0, error_ != 0 ? error_ : EPROTO};
}

// Takes in early data, to its end or until there is some; then the end of the handshake. 1: the handshake
// is over. 0: there is early data. Else SSL_get_error() knows.
int TlsSession::advance_early(bool to_the_end) {
    char bytes[4096];
    while (early_step_ == EarlyStep::data) {
        std::size_t got = 0;
        const int how = SSL_read_early_data(ssl_, bytes, sizeof bytes, &got);
        if (how == SSL_READ_EARLY_DATA_ERROR) return -1;
        early_data_.append(bytes, got);
        if (how == SSL_READ_EARLY_DATA_FINISH) early_step_ = EarlyStep::finish;
        else if (got != 0 && !to_the_end) return 0;
    }
    if (SSL_do_handshake(ssl_) != 1) return -1;
    early_step_ = EarlyStep::none;
    return 1;
}

// False: `outcome` is that of the read; else nothing is left of the handshake.
bool TlsSession::read_early(Stream& stream, char* into, std::size_t bytes, Io& outcome) {
    if (early_data_.empty() && early()) {
        const int result = advance_early(false);
        if (result < 0) {
            outcome = outcome_of(stream, result, true);
            return false;
        }
    }
    if (early_data_.empty()) return true;
    const auto size = std::min(bytes, early_data_.size());
    std::memcpy(into, early_data_.data(), size);
    early_data_.erase(0, size);
    stream.watch.readable = true;   // what is behind it is not known
    outcome = {Io::State::ok, size, 0};
    return false;
}

Io TlsSession::read(Stream& stream, char* into, std::size_t bytes) {
    forget_errors();
    if (Io outcome; (early() || !early_data_.empty()) && !read_early(stream, into, bytes, outcome)) return outcome;
    std::size_t done = 0;
    while (done < bytes) {
        std::size_t got = 0;
        int result = SSL_read_ex(ssl_, into + done, bytes - done, &got);
        if (result != 1) {
            auto outcome = outcome_of(stream, result, true);
            if (done == 0) return outcome;
            // What stands behind the bytes is told by the next call.
            if (outcome.state != Io::State::blocked) stream.watch.readable = true;
            emptied_at_ = -1;
            break;
        }
        done += got;
        // A record that is here already; without one the next call would only look.
        if (SSL_has_pending(ssl_) == 0) break;
    }
    const bool more = SSL_has_pending(ssl_) != 0;
    if (done == bytes && more) stream.watch.readable = true;
    // The flag was for what lay inside. In a later turn the socket may have got more: then it stays.
    if (!more && std::exchange(emptied_at_, -1) == stream.watch.loop().now_us()) stream.watch.readable = false;
    return {Io::State::ok, done, 0};
}

bool TlsSession::nothing_to_read(Stream& stream) {
    forget_errors();
    if (!early_data_.empty()) return false;
    if (early()) {
        const int result = advance_early(false);
        if (result < 0) return outcome_of(stream, result, true).state == Io::State::blocked;
        if (!early_data_.empty()) return false;
    }
    char byte;
    std::size_t got = 0;
    int result = SSL_peek_ex(ssl_, &byte, 1, &got);
    if (result == 1) return false;
    return outcome_of(stream, result, true).state == Io::State::blocked;
}

Io TlsSession::write(Stream& stream, std::span<const iovec> pieces, bool more) {
    forget_errors();
    more_ = more;
    static thread_local char joined[largest_record];
    const std::size_t most = context_->record_bytes();
    std::size_t done = 0, offset = 0;   // of the first piece
    while (!pieces.empty()) {
        const auto& first = pieces[0];
        const char* from = static_cast<const char*>(first.iov_base) + offset;
        std::size_t size = std::min(first.iov_len - offset, most);
        if (size < most && pieces.size() > 1) {
            std::memcpy(joined, from, size);
            for (const auto& piece : pieces.subspan(1)) {
                auto taken = std::min(piece.iov_len, most - size);
                if (taken != 0) std::memcpy(joined + size, piece.iov_base, taken);
                size += taken;
                if (size == most) break;
            }
            from = joined;
        }
        if (size == 0) break;
        std::size_t sent = 0;
        int result = early() ? SSL_write_early_data(ssl_, from, size, &sent) : SSL_write_ex(ssl_, from, size, &sent);
        if (result != 1) {
            auto outcome = outcome_of(stream, result, false);
            if (done == 0) return outcome;
            break;
        }
        done += sent;
        for (offset += sent; !pieces.empty() && offset >= pieces[0].iov_len; pieces = pieces.subspan(1))
            offset -= pieces[0].iov_len;
    }
    return {Io::State::ok, done, 0};
}

void TlsSession::say_goodbye(Stream&) {
    if (!ready_ || broken_ || said_goodbye_) return;
    said_goodbye_ = true;
    more_ = true;   // the FIN
    forget_errors();
    // The end of the handshake may be here, and would make the kernel reset the connection.
    if (early()) advance_early(true);
    SSL_shutdown(ssl_);
    forget_errors();
}

TlsSession::Step TlsSession::step(TlsHandshake& outcome) {
    forget_errors();
    int result = 0;
    switch (early_step_) {
        case EarlyStep::none: result = SSL_do_handshake(ssl_); break;
        case EarlyStep::send: result = send_early(); break;
        case EarlyStep::data:
        case EarlyStep::finish:
            result = advance_early(false);
            // Without ALPN nobody knows what the data is (HAProxy).
            if (result == 0 && context_->profile_.early_data_needs_alpn && alpn().empty()) result = advance_early(true);
            break;
    }
    if (result == 1 || (result == 0 && !early_data_.empty())) {
        ready_ = true;
        with_more_ = {};
        return Step::done;
    }
    int why = SSL_get_error(ssl_, result);
    if (why == SSL_ERROR_WANT_READ) return Step::reads;
    if (why == SSL_ERROR_WANT_WRITE) return Step::writes;
    broken_ = true;
    using How = TlsHandshake::How;
    outcome.how = not_tls_ ? How::not_tls : cut_off_ || error_ != 0 ? How::closed : How::failed;
    outcome.error = error_;
    outcome.verify_error = verify_error();
    outcome.code = ERR_peek_error();
    outcome.why = all_errors();
    return Step::over;
}

// The data with the first message, then the handshake. What SSL_get_error() takes.
int TlsSession::send_early() {
    while (early_written_ < early_to_send_.size()) {
        std::size_t sent = 0;
        const auto rest = early_to_send_.substr(early_written_);
        if (SSL_write_early_data(ssl_, rest.data(), rest.size(), &sent) != 1) return -1;
        early_written_ += sent;
    }
    early_step_ = EarlyStep::none;
    return SSL_do_handshake(ssl_);
}

Task<bool> finish_handshake(Stream& stream, Time deadline) {
    auto& session = *stream.tls();
    while (session.early()) {
        forget_errors();
        const int result = session.advance_early(true);
        if (result == 1) break;
        const auto outcome = session.outcome_of(stream, result, true);
        if (outcome.state != Io::State::blocked) co_return false;
        auto waited = co_await readable(stream.watch, deadline);
        if (waited != Waited::ready) co_return false;
    }
    if (!session.early_data_.empty()) stream.watch.readable = true;
    co_return true;
}

Task<TlsHandshake> handshake(Stream& stream, Time deadline) {
    TlsHandshake outcome;
    for (;;) {
        auto step = stream.tls()->step(outcome);
        if (step == TlsSession::Step::done) {
            // Data that came with the client's last message waits inside.
            auto& session = *stream.tls();
            if (SSL_has_pending(session.ssl_) != 0 || !session.early_data_.empty()) {
                if (!stream.watch.readable) session.emptied_at_ = stream.watch.loop().now_us();
                stream.watch.readable = true;
            }
            co_return outcome;
        }
        if (step == TlsSession::Step::over) co_return outcome;
        bool reads = step == TlsSession::Step::reads;
        auto waited = co_await WaitFor(stream.watch, deadline, !reads);
        if (waited == Waited::ready) continue;
        outcome.how = waited == Waited::timed_out ? TlsHandshake::How::timed_out
                                                  : TlsHandshake::How::aborted;
        co_return outcome;
    }
}

}  // namespace weir::net
