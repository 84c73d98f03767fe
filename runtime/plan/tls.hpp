// SPDX-License-Identifier: Apache-2.0
// TLS of a plan: which rules and which certificate a ClientHello gets. Rules (contexts) are made when
// the plan is compiled, one for all that say the same; certificates are parsed when the first client
// asks for them, for a configuration may name 50,000.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/ir/config.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/net/tls_maker.hpp"
#include "runtime/plan/tls_files.hpp"
#include "runtime/route/router.hpp"

namespace weir::plan {

// What a client is shown.
class TlsChoice {
public:
    // `demands`: what is asked of a client's certificate, as a digest.
    TlsChoice(std::shared_ptr<const net::TlsContext> context, const ir::TlsProfile& rules,
              const std::vector<ir::TlsIdentity>& identities, std::string demands);
    // False: there is no certificate that can be used.
    bool apply(net::TlsSession& session) const;
    // The same with a certificate that was made for a name, after the model of ours.
    bool apply_made(net::TlsSession& session, const std::string& name, net::CertificateMaker& maker) const;
    [[nodiscard]] const ir::TlsProfile& rules() const { return rules_; }
    [[nodiscard]] bool has_certificate() const { return !identities_.empty(); }
    // Certificates whose paths are computed: compiled here, read by certify(), which apply() puts off
    // until the hello is understood. False: none could be read; `problem` says why.
    void compile_computed(route::Library& library);
    bool certify(net::TlsSession& session, route::Subject& subject, std::string& problem) const;
    [[nodiscard]] const std::shared_ptr<const net::TlsContext>& context() const { return context_; }
    // With the certificates in it, where that can be: for connections of which most get them.
    [[nodiscard]] const std::shared_ptr<const net::TlsContext>& own_context() const;
    // One for what stands in two lines under one name: RSA beside ECDSA. The first of a type counts.
    [[nodiscard]] std::unique_ptr<TlsChoice> with(const TlsChoice& more) const;

private:
    void parse() const;
    std::shared_ptr<const net::TlsContext> context_;
    const ir::TlsProfile& rules_;
    std::vector<const ir::TlsIdentity*> identities_;
    struct Computed {
        route::Template chain, key;
        std::unique_ptr<ReadIdentities> read;
    };
    std::shared_ptr<std::vector<Computed>> computed_;   // null: none
    std::string demands_, written_;        // of a session's scope: the second says how names are computed
    // When the first client asks for it.
    mutable std::string scope_;            // for TlsSession::set_scope()
    mutable net::Certificates parsed_;
    mutable std::shared_ptr<const net::TlsContext> own_context_;
    mutable bool tried_ = false;
};

// One listener's.
class TlsListener {
public:
    [[nodiscard]] const std::shared_ptr<const net::TlsContext>& context() const { return first_->own_context(); }
    // For TlsPicker::pick: what was chosen, and has been applied; null ends the handshake.
    const TlsChoice* pick(net::TlsSession& session, const net::TlsHello& hello) const;
    [[nodiscard]] bool usable() const { return first_ != nullptr; }
    // Some client's early data may be taken: the handshake must begin as one that does.
    [[nodiscard]] bool takes_early_data() const { return takes_early_data_; }

private:
    friend class TlsPlan;
    // `h2`: whether HTTP/2 is offered to who asks so.
    [[nodiscard]] const TlsChoice* choose(const net::TlsHello& hello, bool& h2) const;
    [[nodiscard]] const TlsChoice* by_certificate(std::string_view name) const;

    const route::NameIndex* sites_ = nullptr;              // nginx: by site
    const std::vector<const TlsChoice*>* of_sites_ = nullptr;
    const ir::Config* config_ = nullptr;
    const ir::Listener* listener_ = nullptr;
    bool offers_h2_ = false;               // HAProxy, where its line lists no protocols itself
    // HAProxy: by name. A wildcard stands for one label and is kept as ".b".
    using Choices = std::vector<const TlsChoice*>;
    void take(const std::string& key, const std::string& name, Choices& found) const;
    std::unordered_map<std::string, Choices> names_;
    std::unordered_map<std::string, Choices> excluded_;   // by the whole name: whose line says so
    mutable std::map<Choices, std::unique_ptr<TlsChoice>> together_;   // made when first asked for
    bool strict_ = false;
    bool takes_early_data_ = false;
    std::unique_ptr<net::CertificateMaker> maker_;   // null: certificates are not made
    const TlsChoice* first_ = nullptr;     // for clients without a known name
    std::vector<std::unique_ptr<TlsChoice>> own_;
};

class TlsPlan {
public:
    using Problem = route::Library::Problem;
    // `indexes`: each listener's sites by name. What cannot be made goes to `problems`.
    static std::unique_ptr<TlsPlan> compile(const ir::Config& config,
                                            const std::vector<const route::NameIndex*>& indexes,
                                            route::Library& library, std::vector<Problem>& problems);
    // Null: the listener speaks no TLS.
    [[nodiscard]] const TlsListener* listener(ir::ListenerId id) const {
        return id < listeners_.size() ? listeners_[id].get() : nullptr;
    }

private:
    std::shared_ptr<const net::TlsContext> context(const ir::TlsProfile& profile, Span span,
                                                   std::vector<Problem>& problems);
    const std::string& demands(const ir::TlsProfile& profile);
    const TlsChoice* of_site(const ir::Site& site, route::Library& library, std::vector<Problem>& problems);
    void add_listener(const ir::Listener& source, TlsListener& made, std::vector<Problem>& problems);
    static void add_names(const ir::ListenerTls::Entry& entry, const TlsChoice* choice, TlsListener& made);

    std::unordered_map<std::string, std::shared_ptr<const net::TlsContext>> contexts_;
    std::unordered_map<std::string, std::string> demands_;   // digests
    std::unordered_map<const void*, std::unique_ptr<TlsChoice>> by_profile_;
    std::vector<const TlsChoice*> of_sites_;   // by site; null: none of its own
    std::vector<std::unique_ptr<TlsListener>> listeners_;
};

// Whether clients of that listener may speak HTTP/2 to that site, with TLS or without.
bool speaks_h2(const ir::Listener& listener, const ir::Site& site);

// What the master alone looks at, before it takes a configuration: that every certificate can be
// loaded and has its key.
void check_tls(const ir::Config& config, diag::Sink& sink);

}  // namespace weir::plan
