// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/renewal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "runtime/net/tls_text.hpp"
#include "runtime/process/tls_uses.hpp"

namespace weir::process {

namespace {

class Renewing {
public:
    Renewing(const std::vector<std::string>& paths, World& world) {
        for (const auto& path : paths) {
            auto stamp = world.stamp(path);   // before it is read: what comes later is news
            if (!stamp) {
                refuse(path, stamp.error().text);
                continue;
            }
            auto bytes = world.read(path, Purpose::secret);
            if (!bytes) {
                refuse(path, bytes.error().text);
                continue;
            }
            fresh_[path].file = std::make_shared<ir::FileContent>(ir::FileContent{path, std::move(*bytes), false, *stamp});
        }
    }

    void add(const ir::TlsIdentity& identity) {
        Together together;
        auto changed = identity;
        for (auto member : {&ir::TlsIdentity::chain, &ir::TlsIdentity::key, &ir::TlsIdentity::passwords,
                            &ir::TlsIdentity::ocsp, &ir::TlsIdentity::transparency, &ir::TlsIdentity::issuer})
            if (auto* one = known(identity.*member)) {
                changed.*member = one->file;
                together.files.push_back(one);
            }
        if (identity.completions)
            for (const auto& file : *identity.completions) known(file);
        known(identity.status->trusted);
        if (together.files.empty()) return;
        if (auto problem = changed.chain && changed.key ? net::problem_of(changed) : std::string(); !problem.empty()) {
            together.fits = false;
            refused_.insert(std::move(problem));
        }
        together_.push_back(std::move(together));
    }

    void add(const ir::File& file, TlsFileKind kind) {
        auto* one = known(file);
        if (!one || one->held) return;
        const auto& bytes = one->file->bytes;
        const bool fits = kind == TlsFileKind::authorities   ? !net::describe_certificates(bytes).empty()
                          : kind == TlsFileKind::revocations ? !net::describe_revocations(bytes).empty()
                                                             : true;
        if (fits) return;
        one->held = true;
        refuse(file->path, kind == TlsFileKind::authorities ? "there is no certificate in it"
                                                            : "there is no list of revoked certificates in it");
    }

    Renewal take() {
        hold_back();
        Renewal done;
        for (const auto& [path, one] : fresh_)
            if (!one.held && one.before && one.before->bytes != one.file->bytes)
                done.changes.push_back({Amendment::Kind::file, path, one.file->bytes, one.file->stamp});
        done.refused.assign(refused_.begin(), refused_.end());
        return done;
    }

private:
    struct Fresh {
        ir::File file, before;
        bool held = false;
    };
    // Files of one identity: all are taken, or none.
    struct Together {
        std::vector<Fresh*> files;
        bool fits = true;
    };

    Fresh* known(const ir::File& file) {
        auto found = file ? fresh_.find(file->path) : fresh_.end();
        if (found == fresh_.end()) return nullptr;
        found->second.before = file;
        return &found->second;
    }
    void refuse(const std::string& path, std::string_view why) {
        refused_.insert(fmt::format("\"{}\": {}", path, why));
    }
    // A key may belong to several certificates, so what is held back may hold back others.
    void hold_back() {
        for (bool more = true; more;) {
            more = false;
            for (const auto& one : together_) {
                auto held = [](const Fresh* file) { return file->held; };
                if (one.fits && std::none_of(one.files.begin(), one.files.end(), held)) continue;
                more |= !std::all_of(one.files.begin(), one.files.end(), held);
                for (auto* file : one.files) file->held = true;
            }
        }
    }

    std::map<std::string, Fresh> fresh_;   // its entries stay where they are
    std::vector<Together> together_;
    std::set<std::string> refused_;
};

}  // namespace

Renewal renew(const ir::Config& running, const std::vector<std::string>& paths, World& world) {
    Renewing renewing(paths, world);
    each_tls_use(running, {[&](const ir::TlsIdentity& identity, bool) { renewing.add(identity); },
                           [&](const ir::File& file, TlsFileKind kind, bool) { renewing.add(file, kind); }});
    return renewing.take();
}

}  // namespace weir::process
