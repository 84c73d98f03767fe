// SPDX-License-Identifier: Apache-2.0
// OcspUpdater: asks OCSP responders (RFC 6960) about the certificates whose rules say so
// (ir::OcspRules), and puts their answers where all workers staple them from (zone::TlsStore). Asks
// again before an answer is over, and after failures with growing pauses. A response that lies beside
// the certificate spares the first question. A reload keeps what is known about files that did not
// change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "parser/ir/config.hpp"
#include "runtime/http/ocsp_client.hpp"
#include "runtime/zone/tls_store.hpp"

namespace weir::warden {

class OcspUpdater {
public:
    // What is known about one certificate.
    struct Item {
        std::string place;                                   // net::ocsp_place()
        std::shared_ptr<const ir::Config> config;            // which holds `identity`
        const ir::TlsIdentity* identity = nullptr;
        std::shared_ptr<const net::OcspQuestion> question;   // null: not asked yet, or nobody can be
        http::OcspOutcome outcome = http::OcspOutcome::unknown;   // of the last question
        std::string problem;             // why it had no answer that is of use; or empty
        net::OcspAnswer answer;          // the last that was
        std::string response;            // its DER
        std::int64_t last_asked = 0, last_kept = 0, next_asked = 0;   // unix seconds
        std::uint32_t successes = 0, failures = 0, failures_in_a_row = 0;
        bool by_itself = false;          // else only when somebody says so
        bool asking = false;
    };
    // Hears of the outcome of each question, when the item is up to date.
    using Listener = std::function<void(const Item& item)>;

    OcspUpdater(net::Loop& loop, zone::SharedArena& arena, Listener listener);
    ~OcspUpdater() { stop(); }
    OcspUpdater(const OcspUpdater&) = delete;
    OcspUpdater& operator=(const OcspUpdater&) = delete;

    // Looks after the certificates of this configuration from now on.
    void adopt(const std::shared_ptr<const ir::Config>& config);
    // Asks no more; what is under way is given up.
    void stop();

    // In no order.
    template <class Visit>
    void each(Visit visit) const {
        for (const auto& [place, item] : items_) visit(static_cast<const Item&>(*item));
    }
    // What is known about that certificate; null: nobody is asked about it.
    [[nodiscard]] const Item* find(const ir::TlsIdentity& identity) const;
    // Asks about it soon, whatever the time. `done` hears in the end why that came to nothing (empty: it
    // came to something), perhaps before this returns.
    using Done = std::function<void(const std::string& problem)>;
    void ask_now(const ir::TlsIdentity& identity, Done done);

    // What the log says of an item with a problem.
    static std::string describe(const Item& item);

private:
    struct Kept : Item {
        net::Time due = 0;
        http::Fetch* fetch = nullptr;    // lives in the frame of ask()
        OcspUpdater* owner = nullptr;    // null: after stop()
        bool dropped = false;            // no configuration names it any more
        std::vector<Done> waiting;       // for the outcome of the next question
        void tell(const std::string& why);
    };
    using KeptPtr = std::shared_ptr<Kept>;
    static net::Task<void> ask(KeptPtr item);
    void add(const std::shared_ptr<const ir::Config>& config, const ir::TlsIdentity& identity, bool used,
             std::unordered_map<std::string, KeptPtr>& former);
    void schedule(const KeptPtr& item, net::Time due);
    void work();
    void note(const KeptPtr& item, http::OcspReply reply);
    void keep(Kept& item, http::OcspReply& reply);
    void forget(Kept& item);
    static void rest(Kept& item);
    net::Time first_due(Kept& item);
    [[nodiscard]] std::chrono::seconds pause_after(const Kept& item) const;
    [[nodiscard]] std::int64_t unix_now() const { return loop_.wall_ms() / 1000; }

    net::Loop& loop_;
    zone::TlsStore store_;
    Listener listener_;
    std::unordered_map<std::string, KeptPtr> items_;   // by place
    std::multimap<net::Time, KeptPtr> waiting_;        // by due
    std::size_t under_way_ = 0;
    bool working_ = false;
    struct Node : net::Timer {
        OcspUpdater* self = nullptr;
    } timer_;
};

}  // namespace weir::warden
