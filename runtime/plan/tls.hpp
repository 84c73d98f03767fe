// SPDX-License-Identifier: Apache-2.0
// TLS of a plan: which rules and which certificate a ClientHello gets. Rules (contexts) are made when
// the plan is compiled, one for all that say the same; certificates are parsed when the first client
// asks for them, for a configuration may name 50,000.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/ir/config.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/route/router.hpp"

namespace weir::plan {

// What a client is shown.
class TlsChoice {
public:
    TlsChoice(std::shared_ptr<const net::TlsContext> context, const ir::TlsProfile& rules,
              const std::vector<ir::TlsIdentity>& identities);
    // False: there is no certificate that can be used.
    bool apply(net::TlsSession& session) const;
    [[nodiscard]] const ir::TlsProfile& rules() const { return rules_; }
    [[nodiscard]] bool has_certificate() const { return !identities_.empty(); }
    [[nodiscard]] const std::shared_ptr<const net::TlsContext>& context() const { return context_; }
    // One for what stands in two lines under one name: RSA beside ECDSA.
    [[nodiscard]] std::unique_ptr<TlsChoice> with(const std::vector<ir::TlsIdentity>& more) const;

private:
    void add(const std::vector<ir::TlsIdentity>& identities);
    std::shared_ptr<const net::TlsContext> context_;
    const ir::TlsProfile& rules_;
    std::vector<const ir::TlsIdentity*> identities_;
    std::string scope_;                    // for TlsSession::set_scope()
    mutable net::Certificates parsed_;
    mutable bool tried_ = false;
};

// One listener's. The picker lives as long as this does.
class TlsListener {
public:
    [[nodiscard]] const std::shared_ptr<const net::TlsContext>& context() const { return first_->context(); }
    [[nodiscard]] net::TlsPicker picker() const;
    [[nodiscard]] bool usable() const { return first_ != nullptr; }

private:
    friend class TlsPlan;
    static bool pick(void* owner, net::TlsSession& session, const net::TlsHello& hello);
    // `h2`: whether HTTP/2 is offered to who asks so.
    [[nodiscard]] const TlsChoice* choose(const net::TlsHello& hello, bool& h2) const;
    [[nodiscard]] const TlsChoice* by_certificate(std::string_view name) const;

    const route::NameIndex* sites_ = nullptr;              // nginx: by site
    const std::vector<const TlsChoice*>* of_sites_ = nullptr;
    const ir::Config* config_ = nullptr;
    const ir::Listener* listener_ = nullptr;
    bool offers_h2_ = false;               // HAProxy, where its line lists no protocols itself
    // HAProxy: by name. A wildcard stands for one label and is kept as ".b".
    std::unordered_map<std::string, const TlsChoice*> names_;
    std::unordered_map<std::string, bool> excluded_;
    bool strict_ = false;
    const TlsChoice* first_ = nullptr;     // for clients without a known name
    std::vector<std::unique_ptr<TlsChoice>> own_;
};

class TlsPlan {
public:
    using Problem = route::Library::Problem;
    // `indexes`: each listener's sites by name. What cannot be made goes to `problems`.
    static std::unique_ptr<TlsPlan> compile(const ir::Config& config,
                                            const std::vector<const route::NameIndex*>& indexes,
                                            std::vector<Problem>& problems);
    // Null: the listener speaks no TLS.
    [[nodiscard]] const TlsListener* listener(ir::ListenerId id) const {
        return id < listeners_.size() ? listeners_[id].get() : nullptr;
    }

private:
    std::shared_ptr<const net::TlsContext> context(const ir::TlsProfile& profile, Span span,
                                                   std::vector<Problem>& problems);
    const TlsChoice* of_site(const ir::Site& site, std::vector<Problem>& problems);
    void add_listener(const ir::Listener& source, TlsListener& made, std::vector<Problem>& problems);
    static void add_names(const ir::ListenerTls::Entry& entry, const TlsChoice* choice, TlsListener& made);

    std::unordered_map<std::string, std::shared_ptr<const net::TlsContext>> contexts_;
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
