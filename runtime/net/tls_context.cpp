// SPDX-License-Identifier: Apache-2.0
// From bytes to what OpenSSL works with: certificates, keys, trust, rules. Runs when a plan is
// compiled, off the event loop.
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "runtime/net/digest.hpp"
#include "runtime/net/ocsp.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/net/tls_hooks.hpp"
#include "runtime/net/tls_reason.hpp"

namespace weir::net {

namespace {

struct BioCloser {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPointer = std::unique_ptr<BIO, BioCloser>;

BioPointer bio_over(std::string_view bytes) {
    return BioPointer(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

TlsProblem problem(Span span, std::string text) { return {std::move(span), std::move(text) + because()}; }

// The end of a PEM file is an "error", too.
bool at_end_of_pem() {
    auto last = ERR_peek_last_error();
    if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) return false;
    ERR_clear_error();
    return true;
}

int give_password(char* into, int room, int, void* password) {
    const auto& text = *static_cast<const std::string_view*>(password);
    if (text.size() > static_cast<std::size_t>(room)) return 0;
    std::memcpy(into, text.data(), text.size());
    return static_cast<int>(text.size());
}

// Making a decoder is most of the work of reading a key with OpenSSL 3, so each thread keeps one.
class KeyDecoder {
public:
    KeyDecoder()
        : context_(OSSL_DECODER_CTX_new_for_pkey(&made_, "PEM", nullptr, nullptr, EVP_PKEY_KEYPAIR, nullptr,
                                                 nullptr)) {}
    ~KeyDecoder() { OSSL_DECODER_CTX_free(context_); }
    KeyDecoder(const KeyDecoder&) = delete;
    KeyDecoder& operator=(const KeyDecoder&) = delete;
    EVP_PKEY* decode(std::string_view pem) {
        made_ = nullptr;
        auto* at = reinterpret_cast<const unsigned char*>(pem.data());
        auto size = pem.size();
        if (!context_ || OSSL_DECODER_from_data(context_, &at, &size) != 1) return nullptr;
        return std::exchange(made_, nullptr);
    }

private:
    EVP_PKEY* made_ = nullptr;
    OSSL_DECODER_CTX* context_;
};

// The usual key, alone or behind a certificate, in clear. Null: anything else.
EVP_PKEY* read_plain_key(std::string_view pem) {
    constexpr std::string_view tail = "PRIVATE KEY-----", begin = "-----BEGIN ", end = "-----END ";
    auto title_end = pem.find(tail);
    if (title_end == pem.npos) return nullptr;
    auto from = pem.rfind(begin, title_end);
    auto to = pem.find(end, title_end);
    if (from == pem.npos || to == pem.npos || pem.substr(from, to - from).find("ENCRYPTED") != pem.npos) return nullptr;
    to = pem.find(tail, to);
    if (to == pem.npos) return nullptr;
    static thread_local KeyDecoder decoder;
    return decoder.decode(pem.substr(from, to + tail.size() - from));
}

EVP_PKEY* read_key(const ir::TlsIdentity& from) {
    if (auto* key = read_plain_key(from.key->bytes)) return key;
    std::string_view passwords = from.passwords ? std::string_view(from.passwords->bytes) : "";
    do {
        auto end = passwords.find('\n');
        auto password = passwords.substr(0, end);
        if (password.ends_with('\r')) password.remove_suffix(1);
        passwords = end == passwords.npos ? "" : passwords.substr(end + 1);
        ERR_clear_error();
        auto bio = bio_over(from.key->bytes);
        if (auto* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, &password)) return key;
    } while (!passwords.empty());
    return nullptr;
}

}  // namespace

Certificate::~Certificate() {
    X509_free(leaf_);
    EVP_PKEY_free(key_);
    for (auto* one : chain_) X509_free(one);
}

namespace {

// The chain of the first file that begins with the certificate's issuer.
void complete(X509* leaf, const std::vector<ir::File>& files, std::vector<X509*>& chain) {
    for (const auto& file : files) {
        auto bio = bio_over(file->bytes);
        auto* first = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
        if (first && X509_check_issued(first, leaf) == X509_V_OK) {
            for (auto* one = first; one; one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
                chain.push_back(one);
            break;
        }
        X509_free(first);
    }
    ERR_clear_error();
}

}  // namespace

Expected<std::shared_ptr<const Certificate>, TlsProblem> Certificate::parse(const ir::TlsIdentity& from) {
    std::shared_ptr<Certificate> made(new Certificate);
    ERR_clear_error();
    auto what = "cannot load certificate \"" + from.chain->path + "\"";
    auto bio = bio_over(from.chain->bytes);
    made->leaf_ = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr);
    if (!made->leaf_) return Unexpected{problem(from.chain_span, what + ": PEM_read_bio_X509_AUX() failed")};
    while (auto* more = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) made->chain_.push_back(more);
    if (!at_end_of_pem()) return Unexpected{problem(from.chain_span, what + ": PEM_read_bio_X509() failed")};
    if (made->chain_.empty() && from.completions) complete(made->leaf_, *from.completions, made->chain_);
    made->key_ = read_key(from);
    if (!made->key_)
        return Unexpected{problem(from.key_span, "cannot load certificate key \"" + from.key->path +
                                                     "\": PEM_read_bio_PrivateKey() failed")};
    ERR_clear_error();
    if (X509_check_private_key(made->leaf_, made->key_) != 1)
        return Unexpected{problem(from.key_span, "the key \"" + from.key->path +
                                                     "\" does not belong to the certificate \"" +
                                                     from.chain->path + "\"")};
    auto there = [](const ir::File& file) { return file && !file->bytes.empty() ? file : nullptr; };
    made->ocsp_ = there(from.ocsp);
    made->transparency_ = there(from.transparency);
    made->status_place_ = ocsp_place(from);
    return std::shared_ptr<const Certificate>(std::move(made));
}

std::shared_ptr<const Certificate> Certificate::of(X509* leaf, EVP_PKEY* key, const std::vector<X509*>& chain) {
    std::shared_ptr<Certificate> made(new Certificate);
    made->leaf_ = leaf;
    EVP_PKEY_up_ref(key);
    made->key_ = key;
    for (auto* one : chain) {
        X509_up_ref(one);
        made->chain_.push_back(one);
    }
    return made;
}

int Certificate::key_type() const { return EVP_PKEY_get_base_id(key_); }

Expected<std::shared_ptr<const Certificate>, TlsProblem> Certificate::find(const ir::TlsIdentity& from) {
    static thread_local std::unordered_map<std::string, std::weak_ptr<const Certificate>> known;
    unsigned char sum[most_digest_bytes];
    std::string key;
    for (const auto& file : {from.chain, from.key, from.ocsp, from.transparency}) {
        if (file) key.append(reinterpret_cast<char*>(sum), digest(Digest::sha256, file->bytes, sum));
    }
    if (from.completions)
        for (const auto& file : *from.completions)
            key.append(reinterpret_cast<char*>(sum), digest(Digest::sha256, file->bytes, sum));
    key += ocsp_place(from);
    auto& slot = known[key];
    if (auto there = slot.lock()) return there;
    auto made = parse(from);
    if (made) slot = *made;
    // What is gone leaves its entry behind.
    if (known.size() > 1024 && known.size() % 1024 == 0)
        std::erase_if(known, [](const auto& one) { return one.second.expired(); });
    return made;
}

namespace {

// Adds the certificates of a file to what is trusted.
Expected<void, TlsProblem> trust(X509_STORE* store, const ir::FileContent& file) {
    auto bio = bio_over(file.bytes);
    std::size_t count = 0;
    while (auto* one = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_cert(store, one);   // twice the same is fine
        X509_free(one);
        ++count;
    }
    if (!at_end_of_pem() || count == 0)
        return Unexpected{problem({}, "cannot load CA certificates \"" + file.path + "\"")};
    return {};
}

Expected<void, TlsProblem> revoke(X509_STORE* store, const ir::FileContent& file) {
    auto bio = bio_over(file.bytes);
    std::size_t count = 0;
    while (auto* one = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_crl(store, one);
        X509_CRL_free(one);
        ++count;
    }
    if (!at_end_of_pem() || count == 0)
        return Unexpected{problem({}, "cannot load revocation list \"" + file.path + "\"")};
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return {};
}

constexpr int version_numbers[] = {SSL3_VERSION, TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION,
                                   TLS1_3_VERSION};
constexpr std::uint64_t version_switches[] = {SSL_OP_NO_SSLv3, SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1,
                                              SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3};

std::uint64_t without(const ir::TlsVersions& versions) {
    std::uint64_t options = 0;
    for (std::size_t i = 0; i < versions.size(); ++i)
        if (!versions[i]) options |= version_switches[i];
    return options;
}

void set_versions(SSL_CTX* context, const ir::TlsVersions& versions) {
    int least = 0, most = 0;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        if (!versions[i]) continue;
        if (least == 0) least = version_numbers[i];
        most = version_numbers[i];
    }
    SSL_CTX_set_min_proto_version(context, least);
    SSL_CTX_set_max_proto_version(context, most);
    SSL_CTX_set_options(context, without(versions));
}

std::string wire_form(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names) {
        if (name.empty() || name.size() > 255) continue;
        out += static_cast<char>(name.size());
        out += name;
    }
    return out;
}

Expected<void, TlsProblem> run_commands(SSL_CTX* context, bool accepts, const ir::TlsRules& rules) {
    if (rules.commands.empty()) return {};
    struct Closer {
        void operator()(SSL_CONF_CTX* of) const { SSL_CONF_CTX_free(of); }
    };
    std::unique_ptr<SSL_CONF_CTX, Closer> conf(SSL_CONF_CTX_new());
    SSL_CONF_CTX_set_flags(conf.get(), SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SHOW_ERRORS |
                                           SSL_CONF_FLAG_CERTIFICATE |
                                           (accepts ? SSL_CONF_FLAG_SERVER : SSL_CONF_FLAG_CLIENT));
    SSL_CONF_CTX_set_ssl_ctx(conf.get(), context);
    for (const auto& [name, value] : rules.commands)
        if (SSL_CONF_cmd(conf.get(), name.c_str(), value.c_str()) <= 0)
            return Unexpected{problem({}, "SSL_CONF_cmd(\"" + name + "\", \"" + value + "\") failed")};
    if (SSL_CONF_CTX_finish(conf.get()) != 1)
        return Unexpected{problem({}, "SSL_CONF_CTX_finish() failed")};
    return {};
}

Expected<void, TlsProblem> set_algorithms(SSL_CTX* context, const ir::TlsRules& rules) {
    auto failed = [](const char* call, const std::string& text) {
        return Unexpected{problem({}, std::string(call) + "(\"" + text + "\") failed")};
    };
    if (!rules.ciphers.empty() && SSL_CTX_set_cipher_list(context, rules.ciphers.c_str()) != 1)
        return failed("SSL_CTX_set_cipher_list", rules.ciphers);
    if (!rules.ciphersuites.empty() && SSL_CTX_set_ciphersuites(context, rules.ciphersuites.c_str()) != 1)
        return failed("SSL_CTX_set_ciphersuites", rules.ciphersuites);
    if (!rules.groups.empty() && rules.groups != "auto" &&
        SSL_CTX_set1_groups_list(context, rules.groups.c_str()) != 1)
        return failed("SSL_CTX_set1_curves_list", rules.groups);
    if (!rules.signatures.empty() && SSL_CTX_set1_sigalgs_list(context, rules.signatures.c_str()) != 1)
        return failed("SSL_CTX_set1_sigalgs_list", rules.signatures);
    if (!rules.client_signatures.empty() &&
        SSL_CTX_set1_client_sigalgs_list(context, rules.client_signatures.c_str()) != 1)
        return failed("SSL_CTX_set1_client_sigalgs_list", rules.client_signatures);
    return {};
}

int verify_mode(bool accepts, ir::TlsRules::Verify verify) {
    using Verify = ir::TlsRules::Verify;
    if (verify == Verify::none) return SSL_VERIFY_NONE;
    int mode = SSL_VERIFY_PEER;
    if (accepts && verify == Verify::required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    return mode;
}

STACK_OF(X509) * chain_of(const Certificate& certificate) {
    auto* chain = sk_X509_new_null();
    for (auto* one : certificate.chain()) sk_X509_push(chain, one);
    return chain;
}

bool show(SSL_CTX* context, const Certificates& own) {
    return std::all_of(own.begin(), own.end(), [&](const auto& one) {
        auto* chain = chain_of(*one);
        int used = SSL_CTX_use_cert_and_key(context, one->leaf(), one->key(), chain, 0);
        sk_X509_free(chain);
        return used == 1;
    });
}

}  // namespace

Expected<std::shared_ptr<const TlsContext>, TlsProblem> TlsContext::make(Role role,
                                                                         const ir::TlsRules& rules,
                                                                         const Certificates& own) {
    bool accepts = role == Role::accepts;
    std::shared_ptr<TlsContext> made(new TlsContext);
    ERR_clear_error();
    auto* context = made->context_ = SSL_CTX_new(accepts ? TLS_server_method() : TLS_client_method());
    if (!context) return Unexpected{problem({}, "SSL_CTX_new() failed")};
    made->rules_ = rules;
    made->alpn_ = wire_form(rules.alpn);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_SINGLE_DH_USE |
                                     SSL_OP_SINGLE_ECDH_USE | (rules.tickets ? 0 : SSL_OP_NO_TICKET));
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(context, 1);
    set_versions(context, rules.versions);
    if (auto set = set_algorithms(context, rules); !set) return Unexpected{set.error()};
    if (!show(context, own)) return Unexpected{problem({}, "SSL_CTX_use_certificate() failed")};
    auto* store = SSL_CTX_get_cert_store(context);
    if (rules.trusted && !rules.trusted->left_out)
        if (auto done = trust(store, *rules.trusted); !done) return Unexpected{done.error()};
    if (rules.revoked && !rules.revoked->left_out)
        if (auto done = revoke(store, *rules.revoked); !done) return Unexpected{done.error()};
    if (rules.trusts_system) SSL_CTX_set_default_verify_paths(context);
    SSL_CTX_set_verify(context, verify_mode(accepts, rules.verify), nullptr);
    SSL_CTX_set_verify_depth(context, rules.verify_depth);
    if (accepts) {
        SSL_CTX_set_client_hello_cb(context, TlsHooks::on_hello, nullptr);
        SSL_CTX_set_alpn_select_cb(context, TlsHooks::on_alpn, nullptr);
    } else {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, TlsHooks::on_new_session);
        if (!made->alpn_.empty())
            SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(made->alpn_.data()),
                                    static_cast<unsigned>(made->alpn_.size()));
    }
    if (!accepts)
        if (auto done = run_commands(context, accepts, rules); !done) return Unexpected{done.error()};
    ERR_clear_error();
    return std::shared_ptr<const TlsContext>(std::move(made));
}

namespace {

Expected<void, TlsProblem> announce(SSL_CTX* context, const ir::FileContent& file) {
    if (auto done = trust(SSL_CTX_get_cert_store(context), file); !done) return done;
    auto bio = bio_over(file.bytes);
    while (auto* one = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)) {
        SSL_CTX_add_client_CA(context, one);
        X509_free(one);
    }
    ERR_clear_error();
    return {};
}

Expected<void, TlsProblem> set_dh(SSL_CTX* context, const ir::FileContent& file) {
    auto bio = bio_over(file.bytes);
    auto* parameters = PEM_read_bio_Parameters(bio.get(), nullptr);
    if (!parameters || SSL_CTX_set0_tmp_dh_pkey(context, parameters) != 1) {
        EVP_PKEY_free(parameters);
        return Unexpected{problem({}, "cannot load DH parameters \"" + file.path + "\"")};
    }
    return {};
}

bool there(const ir::File& file) { return file && !file->left_out; }

}  // namespace

Expected<std::shared_ptr<const TlsContext>, TlsProblem> TlsContext::accepting(const ir::TlsProfile& profile) {
    auto made = make(Role::accepts, profile.rules, {});
    if (!made) return made;
    // Still ours alone.
    auto& context = const_cast<TlsContext&>(**made);
    auto* ctx = context.context_;
    context.profile_ = profile;
    context.profile_.identities.clear();
    context.profile_.computed.clear();
    if (there(profile.announced))
        if (auto done = announce(ctx, *profile.announced); !done) return Unexpected{done.error()};
    if (there(profile.dh_parameters))
        if (auto done = set_dh(ctx, *profile.dh_parameters); !done) return Unexpected{done.error()};
    if (!profile.dh_parameters && profile.own_dh_parameters) SSL_CTX_set_dh_auto(ctx, 1);
    if (profile.prefers_own_ciphers) SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (profile.early_data) {
        SSL_CTX_set_max_early_data(ctx, most_early_data);
        SSL_CTX_set_recv_max_early_data(ctx, most_early_data);
        // Who allows it has been told of replays; sessions by tickets could not be used but once.
        SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
    }
    int mode = verify_mode(true, profile.rules.verify);
    // Who is to answer 400 must let the handshake pass.
    if (!profile.bad_certificate_ends) mode &= ~SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, mode, TlsHooks::on_verify);
    TlsHooks::resume_sessions(ctx, profile.session_table);
    SSL_CTX_set_allow_early_data_cb(ctx, TlsHooks::on_early_data, nullptr);
    TlsHooks::send_more(ctx);
    if (!profile.ticket_keys.empty() && there(profile.ticket_keys.front())) {
        context.ticket_keys_ = read_ticket_keys(profile.ticket_keys);
        if (context.ticket_keys_.empty())
            return Unexpected{problem({}, "\"" + profile.ticket_keys.front()->path +
                                              "\" holds no keys of 48 or 80 bytes")};
    }
    SSL_CTX_set_timeout(ctx, static_cast<long>(profile.session_time.count()));
    // Last: they have the last word.
    if (auto done = run_commands(ctx, true, profile.rules); !done) return Unexpected{done.error()};
    context.names_certificate_ = SSL_CTX_get0_certificate(ctx) != nullptr;
    ERR_clear_error();
    return made;
}

std::shared_ptr<const TlsContext> TlsContext::with_own(std::shared_ptr<const TlsContext> plain,
                                                       const ir::TlsProfile& profile, const Certificates& own) {
    if (plain->names_certificate_) return nullptr;
    auto made = accepting(profile);
    if (!made) return nullptr;
    auto& context = const_cast<TlsContext&>(**made);
    const bool shown = show(context.context_, own);
    ERR_clear_error();
    if (!shown) return nullptr;
    context.own_ = own;
    context.plain_ = std::move(plain);
    return *made;
}

std::string TlsContext::key_of(const ir::TlsProfile& profile) {
    std::string key;
    auto number = [&](auto value) { key += std::to_string(static_cast<long long>(value)) + ' '; };
    auto text = [&](const std::string& value) {
        number(value.size());
        key += value;
    };
    auto file = [&](const ir::File& value) { number(reinterpret_cast<std::uintptr_t>(value.get())); };
    const auto& rules = profile.rules;
    number(rules.versions.to_ulong());
    for (const auto* one : {&rules.ciphers, &rules.ciphersuites, &rules.groups, &rules.signatures,
                            &rules.client_signatures})
        text(*one);
    number(rules.commands.size());
    for (const auto& [name, value] : rules.commands) text(name), text(value);
    number(rules.alpn.size());
    for (const auto& one : rules.alpn) text(one);
    number(rules.tickets);
    number(rules.verify);
    number(rules.verify_depth);
    number(rules.trusts_system);
    number(rules.record_bytes);
    for (const auto& one : {rules.trusted, rules.revoked, profile.announced, profile.dh_parameters}) file(one);
    number(profile.bad_certificate_ends);
    for (const auto* list : {&profile.ignored_errors, &profile.ignored_ca_errors}) {
        number(list->size());
        for (int one : *list) number(one);
    }
    number(profile.ignores_all_errors);
    number(profile.ignores_all_ca_errors);
    number(profile.prefers_own_ciphers);
    number(profile.alpn_must_match);
    number(profile.answers_alpn);
    number(profile.own_dh_parameters);
    number(profile.session_table);
    number(profile.session_time.count());
    number(profile.ticket_keys.size());
    for (const auto& one : profile.ticket_keys) file(one);
    number(profile.early_data);
    number(profile.early_data_needs_alpn);
    number(profile.keeps_hello);
    return key;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

void TlsHooks::take_rules(SSL* ssl, const TlsContext& from) {
    auto* context = from.get();
    SSL_clear_options(ssl, SSL_get_options(ssl) & ~SSL_CTX_get_options(context));
    SSL_set_options(ssl, SSL_CTX_get_options(context));
    SSL_set_min_proto_version(ssl, static_cast<int>(SSL_CTX_get_min_proto_version(context)));
    SSL_set_max_proto_version(ssl, static_cast<int>(SSL_CTX_get_max_proto_version(context)));
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), SSL_CTX_get_verify_callback(context));
    SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(context));
    SSL_set_max_early_data(ssl, SSL_CTX_get_max_early_data(context));
    SSL_set_recv_max_early_data(ssl, SSL_CTX_get_recv_max_early_data(context));
    const auto& rules = from.rules_;
    if (!rules.ciphersuites.empty()) SSL_set_ciphersuites(ssl, rules.ciphersuites.c_str());
    if (!rules.groups.empty() && rules.groups != "auto") SSL_set1_groups_list(ssl, rules.groups.c_str());
}

// An OCSP response for the certificate in use, to clients that ask for one (RFC 6066 section 8): what a
// responder said last, else what the configuration came with.
int TlsHooks::on_status(SSL* ssl, void*) {
    auto* session = session_of(ssl);
    const auto* more = session ? session->more_of(SSL_get_certificate(ssl)) : nullptr;
    if (!more) return SSL_TLSEXT_ERR_NOACK;
    static thread_local std::string found;
    const auto& keeper = session_keeper();
    std::string_view bytes;
    if (!more->status_place().empty() && keeper.find_status &&
        keeper.find_status(keeper.self, more->status_place(), found))
        bytes = found;
    else if (more->ocsp())
        bytes = more->ocsp()->bytes;
    auto* copy = bytes.empty() ? nullptr : OPENSSL_memdup(bytes.data(), bytes.size());
    if (!copy) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<int>(bytes.size()));
    return SSL_TLSEXT_ERR_OK;
}

int TlsHooks::on_timestamps(SSL* ssl, unsigned, unsigned, const unsigned char** out, std::size_t* size, X509*,
                            std::size_t index, int*, void*) {
    auto* session = session_of(ssl);
    const auto* more = session ? session->more_of(SSL_get_certificate(ssl)) : nullptr;
    if (index != 0 || !more || !more->transparency()) return 0;
    *out = reinterpret_cast<const unsigned char*>(more->transparency()->bytes.data());
    *size = more->transparency()->bytes.size();
    return 1;
}

void TlsHooks::send_more(SSL_CTX* context) {
    SSL_CTX_set_tlsext_status_cb(context, on_status);
    constexpr unsigned where = SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE;
    SSL_CTX_add_custom_ext(context, TLSEXT_TYPE_signed_certificate_timestamp, where, on_timestamps, nullptr, nullptr,
                           nullptr, nullptr);
}

int TlsHooks::on_certify(SSL* ssl, void*) {
    auto* session = session_of(ssl);
    const auto& picker = session->picker_;
    return picker.certify && picker.certify(picker.owner, *session) ? 1 : 0;
}

void TlsSession::certify_later() { SSL_set_cert_cb(ssl_, TlsHooks::on_certify, nullptr); }

const Certificate* TlsSession::more_of(const X509* leaf) const {
    for (const auto& one : with_more_)
        if (one->leaf() == leaf) return one.get();
    return nullptr;
}

bool TlsSession::use(const Certificates& certificates) {
    if (context_->names_certificate_) return true;
    with_more_.clear();
    for (const auto& one : certificates)
        if (one->ocsp() || one->transparency() || !one->status_place().empty()) with_more_.push_back(one);
    if (!certificates.empty() && certificates == context_->own_) return true;
    SSL_certs_clear(ssl_);
    for (const auto& one : certificates) {
        auto* chain = chain_of(*one);
        int used = SSL_use_cert_and_key(ssl_, one->leaf(), one->key(), chain, 1);
        sk_X509_free(chain);
        if (used != 1) {
            ERR_clear_error();
            return false;
        }
    }
    return true;
}

}  // namespace weir::net
