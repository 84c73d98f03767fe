// SPDX-License-Identifier: Apache-2.0
// What of changed files is taken: pairs whole or not at all, and none because of another one.
#include "runtime/process/renewal.hpp"

#include <map>

#include "runtime/process/former_files.hpp"
#include "tests/unit/runtime/net/tls_pair.hpp"

namespace weir::process {
namespace {

using net::test::Made;

// Files by path.
class Disk : public World {
public:
    std::map<std::string, std::string> files;
    Expected<std::string, SourceError> read(const std::string& path, Purpose) override {
        auto found = files.find(path);
        if (found == files.end()) return Unexpected{SourceError{2, "No such file or directory"}};
        return found->second;
    }
    Expected<FileStamp, SourceError> stamp(const std::string& path) override {
        if (!files.contains(path)) return Unexpected{SourceError{2, "No such file or directory"}};
        return FileStamp{1, 2, 3, 0, 0, files[path].size()};
    }
    Expected<std::vector<std::string>, SourceError> glob(const std::string&) override { return std::vector<std::string>{}; }
    Expected<std::vector<std::string>, SourceError> list(const std::string&) override { return std::vector<std::string>{}; }
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string&) override { return std::vector<IpAddress>{}; }
    std::optional<std::string> environment(const std::string&) override { return std::nullopt; }
};

struct RenewalTest : ::testing::Test {
    Made a{"a.test"}, b{"b.test"}, c{"c.test"};
    Disk disk;
    ir::Config config;

    // A site with these files, which are there.
    void add_site(const std::string& chain, const std::string& key, const Made& of, bool follows = true) {
        ir::Site site;
        auto& profile = site.settings.tls.edit();
        profile.rules.follows = follows;
        ir::TlsIdentity identity;
        identity.chain = file(chain, of.certificate);
        identity.key = file(key, of.key);
        profile.identities.push_back(std::move(identity));
        config.sites.push_back(std::move(site));
    }
    ir::File file(const std::string& path, const std::string& bytes) {
        disk.files[path] = bytes;
        auto made = std::make_shared<ir::FileContent>();
        made->path = path;
        made->bytes = bytes;
        made->stamp = *disk.stamp(path);
        return made;
    }
    std::vector<std::string> taken(const std::vector<std::string>& changed) {
        done = renew(config, changed, disk);
        std::vector<std::string> paths;
        for (const auto& one : done.changes) {
            EXPECT_EQ(one.bytes, disk.files[one.name]);
            EXPECT_EQ(one.stamp, *disk.stamp(one.name));
            paths.push_back(one.name);
        }
        return paths;
    }
    Renewal done;
    using Paths = std::vector<std::string>;
};

TEST_F(RenewalTest, TakesPairsThatFit) {
    add_site("a.pem", "a.key", a);
    EXPECT_EQ(taken({"a.pem"}), Paths());   // touched, and the same
    EXPECT_TRUE(done.refused.empty());
    disk.files["a.pem"] = b.certificate;
    EXPECT_EQ(taken({"a.pem"}), Paths());
    ASSERT_EQ(done.refused.size(), 1U);
    EXPECT_NE(done.refused[0].find("does not belong"), std::string::npos);
    disk.files["a.key"] = b.key;
    EXPECT_EQ(taken({"a.key", "a.pem"}), (Paths{"a.key", "a.pem"}));
    EXPECT_TRUE(done.refused.empty());
    disk.files.erase("a.key");
    EXPECT_EQ(taken({"a.key", "a.pem"}), Paths());
    EXPECT_EQ(done.refused.size(), 2U);
}

TEST_F(RenewalTest, OneThatIsBadHoldsUpNoOther) {
    add_site("a.pem", "a.key", a);
    add_site("b.pem", "b.key", b);
    disk.files["a.pem"] = "nothing";
    disk.files["b.pem"] = c.certificate;
    disk.files["b.key"] = c.key;
    EXPECT_EQ(taken({"a.pem", "b.key", "b.pem"}), (Paths{"b.key", "b.pem"}));
    EXPECT_EQ(done.refused.size(), 1U);
}

TEST_F(RenewalTest, AKeyOfSeveralCertificatesIsTakenWithAllOfThem) {
    add_site("1.pem", "shared.key", a);
    add_site("2.pem", "shared.key", a, false);
    add_site("3.pem", "shared.key", a);
    disk.files["shared.key"] = b.key;
    disk.files["1.pem"] = disk.files["3.pem"] = b.certificate;
    EXPECT_EQ(taken({"1.pem", "3.pem", "shared.key"}), Paths());
    disk.files["2.pem"] = b.certificate;
    EXPECT_EQ(taken({"1.pem", "2.pem", "3.pem", "shared.key"}), (Paths{"1.pem", "2.pem", "3.pem", "shared.key"}));
}

TEST_F(RenewalTest, AuthoritiesAreToBeSome) {
    add_site("a.pem", "a.key", a);
    auto& rules = config.sites[0].settings.tls.edit().rules;
    rules.trusted = file("ca.pem", a.certificate);
    rules.revoked = file("crl.pem", "was something once");
    disk.files["ca.pem"] = a.key;
    disk.files["crl.pem"] = a.certificate;
    EXPECT_EQ(taken({"ca.pem", "crl.pem"}), Paths());
    EXPECT_EQ(done.refused.size(), 2U);
    disk.files["ca.pem"] = b.certificate;
    EXPECT_EQ(taken({"ca.pem", "crl.pem"}), Paths{"ca.pem"});
}

TEST_F(RenewalTest, FollowsWhereItIsSaid) {
    add_site("a.pem", "a.key", a);
    add_site("b.pem", "b.key", b, false);
    add_site("a.pem", "c.key", a);
    Paths paths;
    for (const auto& one : followed_files(config)) {
        EXPECT_EQ(one.stamp, *disk.stamp(one.path));
        paths.push_back(one.path);
    }
    EXPECT_EQ(paths, (Paths{"a.key", "a.pem", "c.key"}));
    EXPECT_EQ(former_tls_files(config).size(), 5U);
}

}  // namespace
}  // namespace weir::process
