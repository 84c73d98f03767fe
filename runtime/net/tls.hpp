// SPDX-License-Identifier: Apache-2.0
// TLS on a Stream. TlsContext: rules and certificates compiled, shared by many connections and by
// plans over reloads. TlsSession: one connection's TLS, owned by its Stream. OpenSSL works on the
// socket itself (a small BIO over the Stream) and stays inside runtime/net.
//
//   stream.start_tls(TlsSession::accept(context));   or ::connect(context, target)
//   auto outcome = co_await handshake(stream, deadline);
//
// After that read() and write() of the Stream are plaintext. Bytes that OpenSSL holds make
// watch.readable true although the socket is empty.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"
#include "parser/ir/tls.hpp"
#include "runtime/net/stream.hpp"
#include "runtime/net/tls_resume.hpp"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct x509_st;
struct evp_pkey_st;

namespace weir::net {

struct TlsProblem {
    Span span;          // of the word at fault; may be empty
    std::string text;   // cannot load certificate "x.pem": ...
};

// A certificate with its chain and key, parsed.
class Certificate {
public:
    // Loads, and checks that the key fits.
    static Expected<std::shared_ptr<const Certificate>, TlsProblem> parse(const ir::TlsIdentity& from);
    // The same, but what this thread parsed before and still uses is used again: a reload that keeps a
    // file's bytes costs nothing here.
    static Expected<std::shared_ptr<const Certificate>, TlsProblem> find(const ir::TlsIdentity& from);
    // The quick answer: well formed, of a usual kind, and the key fits. False: parse() has to tell.
    static bool fits_plainly(const ir::TlsIdentity& from);
    // One that was made here. Takes over a reference to the leaf, and takes others to the rest.
    static std::shared_ptr<const Certificate> of(x509_st* leaf, evp_pkey_st* key, const std::vector<x509_st*>& chain);
    ~Certificate();
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;

    [[nodiscard]] x509_st* leaf() const { return leaf_; }
    [[nodiscard]] evp_pkey_st* key() const { return key_; }
    [[nodiscard]] int key_type() const;   // RSA, EC, ...: a client is shown one of each
    [[nodiscard]] const std::vector<x509_st*>& chain() const { return chain_; }   // without the leaf
    // What goes with it to clients that ask: an OCSP response, timestamps (RFC 6962). May be null.
    [[nodiscard]] const ir::File& ocsp() const { return ocsp_; }
    [[nodiscard]] const ir::File& transparency() const { return transparency_; }
    // Where workers find a newer OCSP response (ocsp_place()); empty: nobody asks for one.
    [[nodiscard]] const std::string& status_place() const { return status_place_; }

private:
    Certificate() = default;
    x509_st* leaf_ = nullptr;
    evp_pkey_st* key_ = nullptr;
    std::vector<x509_st*> chain_;
    ir::File ocsp_, transparency_;
    std::string status_place_;
};
// The host names that a certificate is for, in lower case; none when it cannot be read.
std::vector<std::string> names_in(std::string_view pem);

using Certificates = std::vector<std::shared_ptr<const Certificate>>;   // one per type of key

// What a ClientHello says, as far as it decides which certificate it gets. Views end with the call.
struct TlsHello {
    std::string_view server_name;   // as sent
    bool has_server_name = false;
};

// The first errors of a peer's certificate: of itself, and of those above it.
struct TlsErrors {
    int error = 0, ca_error = 0, ca_error_depth = 0;
    bool ended = false, ended_by_ca = false;   // the handshake
};

// What a client offered, in the bytes of its hello.
struct TlsOffer {
    unsigned version = 0;
    std::string ciphers, extensions, groups, formats, signatures, versions;
};

class TlsSession;
// Chooses by the ClientHello: calls session.use() or leaves what is there. False ends the handshake.
// `certify` is asked for the certificate when all of the hello is understood (server_name() is known
// then), where pick() called certify_later().
struct TlsPicker {
    void* owner = nullptr;
    bool (*pick)(void* owner, TlsSession& session, const TlsHello& hello) = nullptr;
    bool (*certify)(void* owner, TlsSession& session) = nullptr;
};

class TlsContext {
public:
    enum class Role : std::uint8_t { accepts, connects };
    static Expected<std::shared_ptr<const TlsContext>, TlsProblem> make(Role role,
                                                                        const ir::TlsRules& rules,
                                                                        const Certificates& own);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    // To clients. The certificates come by TlsSession::use().
    static Expected<std::shared_ptr<const TlsContext>, TlsProblem> accepting(const ir::TlsProfile& profile);
    // One like that, which has these certificates from the beginning: nothing is to be done for clients
    // that get them. Null: it has others by a command of its rules, or cannot have these.
    static std::shared_ptr<const TlsContext> with_own(std::shared_ptr<const TlsContext> plain,
                                                      const ir::TlsProfile& profile, const Certificates& own);
    // Two profiles with one key make the same context; their certificates do not count.
    static std::string key_of(const ir::TlsProfile& profile);

    [[nodiscard]] ssl_ctx_st* get() const { return context_; }
    [[nodiscard]] std::uint32_t record_bytes() const { return rules_.record_bytes; }
    // In wire form, our choice first; empty: none is offered.
    [[nodiscard]] std::string_view alpn() const { return alpn_; }

private:
    TlsContext() = default;
    friend struct TlsHooks;
    friend class TlsSession;
    ssl_ctx_st* context_ = nullptr;
    ir::TlsRules rules_;
    ir::TlsProfile profile_;   // of a context for clients, without certificates
    Certificates own_;
    std::shared_ptr<const TlsContext> plain_;   // the same without `own_`
    std::string alpn_;
    std::vector<TlsTicketKey> ticket_keys_;
    bool names_certificate_ = false;   // by a command of its rules; it counts
};

// The last session with a peer: the next connection to it resumes. Kept with the server.
class TlsMemory {
public:
    TlsMemory() = default;
    ~TlsMemory();
    TlsMemory(const TlsMemory&) = delete;
    TlsMemory& operator=(const TlsMemory&) = delete;
    void forget();

private:
    friend class TlsSession;
    friend struct TlsHooks;
    ssl_session_st* last_ = nullptr;
};

// Whom a connection of ours goes to.
struct TlsTarget {
    std::string_view server_name;     // SNI; empty: none is sent
    std::string_view verified_name;   // must stand in the certificate (name or address); empty: any
    std::shared_ptr<TlsMemory> memory;   // null: no resumption
    // Goes with the first message where the last session allows it (RFC 8446 section 2.3); who wrote it
    // asks early_sent() after the handshake. Lives until then.
    std::string_view early;
};

struct TlsHandshake {
    enum class How : std::uint8_t {
        done,
        timed_out,
        aborted,    // cancel_waits()
        closed,     // the peer went away
        not_tls,    // the client's first byte begins no handshake; see Stream::stop_tls()
        failed,
    } how = How::done;
    int error = 0;          // errno, with closed
    int verify_error = 0;   // X509_V_ERR_..., where the peer's certificate is why
    unsigned long code = 0; // OpenSSL's number of the first error
    std::string why;        // error:0A00010B:SSL routines::wrong version number
};

class TlsSession {
public:
    // `early`: bytes that were read from the socket before TLS (behind a PROXY header).
    static std::unique_ptr<TlsSession> accept(std::shared_ptr<const TlsContext> context,
                                              TlsPicker picker = {}, std::string_view early = {});
    // Null: the name cannot be sent or checked.
    static std::unique_ptr<TlsSession> connect(std::shared_ptr<const TlsContext> context,
                                               const TlsTarget& target);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    // For a picker: these rules, these certificates instead.
    void use(std::shared_ptr<const TlsContext> context);
    bool use(const Certificates& certificates);
    void certify_later();
    // Sessions are resumed only where they were made: `scope` stands for the certificate and what is
    // asked of the client's (32 bytes or fewer).
    void set_scope(std::string_view scope);

    // What was agreed; empty or 0 before.
    [[nodiscard]] const char* protocol() const;   // "TLSv1.3"
    [[nodiscard]] const char* cipher() const;
    [[nodiscard]] std::string_view alpn() const;
    [[nodiscard]] const char* server_name() const;   // null: none was sent
    [[nodiscard]] bool resumed() const;
    [[nodiscard]] int verify_error() const;          // 0: fine, or no certificate
    [[nodiscard]] bool has_peer_certificate() const;
    // "self-signed certificate"
    static const char* verify_text(int verify_error);
    // How the peer ended: with close_notify, or (false) by closing the connection alone.
    [[nodiscard]] bool ended_cleanly() const { return !cut_off_; }
    [[nodiscard]] ssl_st* get() const { return ssl_; }
    [[nodiscard]] const TlsContext& context() const { return *context_; }
    [[nodiscard]] const TlsErrors& errors() const { return errors_; }
    // Null: it is not kept.
    [[nodiscard]] const std::shared_ptr<const TlsOffer>& offer() const { return offer_; }
    // A client's data is taken before the handshake is over, where its context allows it. handshake() is
    // done then with the first of it, and the rest of the handshake runs while the connection is read.
    void take_early_data();
    // That is so at present. finish_handshake() waits for its end.
    [[nodiscard]] bool early() const { return early_step_ != EarlyStep::none; }
    // Of TlsTarget::early, what the server has taken: all or nothing.
    [[nodiscard]] std::size_t early_sent() const;
    // Whether the last session of this memory lets data go first, and how much.
    static std::size_t early_room(const TlsMemory* memory);
    // HTTP/2 goes before what the rules list. Known when the site is: a picker says it.
    void offer_h2(bool on) { offers_h2_ = on; }

private:
    friend class Stream;
    friend Task<TlsHandshake> handshake(Stream& stream, Time deadline);
    friend Task<bool> finish_handshake(Stream& stream, Time deadline);
    friend struct TlsHooks;
    enum class Step : std::uint8_t { done, reads, writes, over };

    TlsSession(std::shared_ptr<const TlsContext> context, ssl_st* ssl);
    void attach(Stream& stream);
    [[nodiscard]] std::string take_plain() { return std::move(early_); }
    Io read(Stream& stream, char* into, std::size_t bytes);
    Io write(Stream& stream, std::span<const iovec> pieces, bool more);
    bool nothing_to_read(Stream& stream);
    int advance_early(bool to_the_end);
    bool read_early(Stream& stream, char* into, std::size_t bytes, Io& outcome);
    int send_early();
    void say_goodbye(Stream& stream);
    Step step(TlsHandshake& outcome);
    // The one of ours that the handshake came to, where it has an ocsp(), a transparency() or a
    // status_place(); else null.
    [[nodiscard]] const Certificate* more_of(const x509_st* leaf) const;
    Io outcome_of(Stream& stream, int result, bool reading);

    ssl_st* ssl_;
    std::shared_ptr<const TlsContext> context_;
    TlsPicker picker_;
    std::shared_ptr<TlsMemory> memory_;
    std::string early_;
    // Of a server: early data first, then the end of the handshake. Of a client: early data is to be sent.
    enum class EarlyStep : std::uint8_t { none, data, finish, send } early_step_ = EarlyStep::none;
    std::string early_data_;   // decrypted, not read yet
    std::string_view early_to_send_;
    std::size_t early_written_ = 0;
    TlsErrors errors_;
    std::shared_ptr<const TlsOffer> offer_;
    Certificates with_more_;   // of those in use, until the handshake is done: what goes with them
    int error_ = 0;            // errno of the socket
    bool ready_ = false;       // the handshake is done
    bool offers_h2_ = false;
    bool looked_ = false;      // at the first byte
    bool not_tls_ = false;
    bool cut_off_ = false;     // the socket ended
    bool broken_ = false;      // no close_notify
    bool said_goodbye_ = false;
    bool full_ = false;        // the last send took less than all
    bool more_ = false;        // follows at once: what is sent now shares its packet
    // The turn (us) in which the handshake ended with the socket empty and data inside; -1: it did not.
    std::int64_t emptied_at_ = -1;
};

// Runs the handshake of a stream whose start_tls() was called.
Task<TlsHandshake> handshake(Stream& stream, Time deadline);
// Waits for the end of a handshake that early data has overtaken. False: it did not come.
Task<bool> finish_handshake(Stream& stream, Time deadline);

}  // namespace weir::net
