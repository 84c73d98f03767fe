// SPDX-License-Identifier: Apache-2.0
#include "parser/base/source_set.hpp"

namespace {

using namespace weir;

// Answers from memory and counts the questions.
class FakeWorld : public World {
public:
    int asked = 0;
    Expected<std::string, SourceError> read(const std::string& path, Purpose) override {
        ++asked;
        if (path == "missing") return Unexpected{SourceError{2, "No such file or directory"}};
        return "bytes of " + path;
    }
    Expected<std::vector<std::string>, SourceError> glob(const std::string& pattern) override {
        ++asked;
        return std::vector<std::string>{pattern + "1", pattern + "2"};
    }
    Expected<std::vector<std::string>, SourceError> list(const std::string& folder) override {
        ++asked;
        return Unexpected{SourceError{20, folder + " is no folder"}};
    }
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string&) override {
        ++asked;
        IpAddress address;
        address.family = IpAddress::Family::v4;
        address.bytes[0] = 192;
        return std::vector{address};
    }
    std::optional<std::string> environment(const std::string& name) override {
        ++asked;
        return name == "SET" ? std::optional<std::string>("value") : std::nullopt;
    }
    Expected<FileStamp, SourceError> stamp(const std::string& path) override {
        if (path == "missing") return Unexpected{SourceError{2, "No such file or directory"}};
        return FileStamp{1, 2, modified, 0, changed, 7};
    }
    std::int64_t modified = 100, changed = 0;
};

void ask_everything(SourceSet& set) {
    EXPECT_EQ(*set.read("a", Purpose::configuration), "bytes of a");
    EXPECT_EQ(set.read("missing", Purpose::content).error().code, 2);
    EXPECT_EQ(set.glob("x*")->size(), 2U);
    EXPECT_EQ(set.list("f").error().text, "f is no folder");
    EXPECT_EQ((*set.resolve("host"))[0].bytes[0], 192);
    EXPECT_EQ(set.environment("SET"), "value");
    EXPECT_EQ(set.environment("UNSET"), std::nullopt);
}

TEST(SourceSet, ReadsAgainOnlyWhatChanged) {
    FakeWorld world;
    FormerFiles former{{"a", {{1, 2, 100, 0, 0, 7}, "former"}}, {"missing", {{}, "former"}}};
    SourceSet set(world);
    set.use_former(former);
    EXPECT_EQ(*set.read_if_changed("a", Purpose::secret, same_by_stamp), "former");
    EXPECT_EQ(set.read_if_changed("missing", Purpose::secret, same_by_stamp).error().code, 2);
    EXPECT_EQ(world.asked, 0);
    // Who does not ask so gets what is there.
    EXPECT_EQ(*SourceSet(world).read("a", Purpose::secret), "bytes of a");
    auto read_now = [&](SameFile same) {
        SourceSet later(world);
        later.use_former(former);
        return std::string(*later.read_if_changed("a", Purpose::secret, same));
    };
    EXPECT_EQ(read_now(nullptr), "bytes of a");
    // Its time of modification was set back: only the whole stamp tells.
    world.changed = 1;
    EXPECT_EQ(read_now(same_by_time), "former");
    EXPECT_EQ(read_now(same_by_stamp), "bytes of a");
    world.modified = 101;
    EXPECT_EQ(read_now(same_by_time), "bytes of a");
    SourceSet later(world);
    later.use_former(former);
    (void)later.read_if_changed("a", Purpose::secret, same_by_time);
    auto copy = SourceSet::deserialize(later.serialize());
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->stamp_of("a"), (FileStamp{1, 2, 101, 0, 1, 7}));
    EXPECT_EQ(*copy->read_if_changed("a", Purpose::secret, same_by_time), "bytes of a");
}

TEST(SourceSet, AnAmendedFileHasTheStampThatCameWithIt) {
    FakeWorld world;
    SourceSet set(world);
    (void)set.read_if_changed("a", Purpose::secret, same_by_stamp);
    const FileStamp followed{1, 3, 200, 0, 0, 3};
    set.amend({Amendment::Kind::file, "a", "new", followed});
    EXPECT_EQ(set.stamp_of("a"), followed);
    auto asked = read_amendments(serialize({{Amendment::Kind::file, "a", "new", followed}}));
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->at(0).stamp, followed);
    // What the runtime socket brought is not what the file holds.
    set.amend({Amendment::Kind::file, "a", "other"});
    EXPECT_FALSE(set.stamp_of("a").known());
}

TEST(SourceSet, AsksTheWorldOnce) {
    FakeWorld world;
    SourceSet set(world);
    ask_everything(set);
    int first = world.asked;
    EXPECT_EQ(first, 7);
    ask_everything(set);
    EXPECT_EQ(world.asked, first);
    set.freeze();
    ask_everything(set);
    EXPECT_FALSE(set.read("new", Purpose::content));
    EXPECT_FALSE(set.resolve("other"));
    EXPECT_EQ(world.asked, first);
}

TEST(SourceSet, SurvivesTheWire) {
    FakeWorld world;
    SourceSet set(world);
    set.put("odd", std::string("\0\xff\n", 3));
    ask_everything(set);
    set.amend({Amendment::Kind::certificate, "fresh.pem", "pem"});
    set.amend({Amendment::Kind::server, "app/a", "127.0.0.1:80 weight 5"});
    set.amend({Amendment::Kind::place, "app/b", "addr 192.0.2.1"});
    set.amend({Amendment::Kind::place, "app/c", "port 81"});
    EXPECT_TRUE(set.place_of("app/c", "192.0.2.2 80"));
    auto bytes = set.serialize();
    auto copy = SourceSet::deserialize(bytes);
    ASSERT_TRUE(copy);
    ask_everything(*copy);
    EXPECT_EQ(*copy->read("odd", Purpose::content), std::string_view("\0\xff\n", 3));
    EXPECT_EQ(copy->serialize(), bytes);
    EXPECT_FALSE(copy->read("never asked", Purpose::content));
}

TEST(SourceSet, AmendmentsGoOverWhatWasRead) {
    using Kind = Amendment::Kind;
    FakeWorld world;
    SourceSet set(world);
    ask_everything(set);
    set.amend({Kind::file, "a", "changed"});
    set.amend({Kind::file, "missing", "now there"});
    EXPECT_EQ(*set.read("a", Purpose::secret), "changed");
    EXPECT_EQ(*set.read("missing", Purpose::content), "now there");
    // Who may bring a certificate may not write directives.
    EXPECT_FALSE(set.read("a", Purpose::configuration));
    EXPECT_TRUE(set.stored().empty());

    set.amend({Kind::authorities, "ca.pem", "pem"});
    EXPECT_EQ(set.stored().at("ca.pem"), Kind::authorities);
    set.amend({Kind::forget, "ca.pem", {}});
    EXPECT_TRUE(set.stored().empty());
    EXPECT_EQ(set.read("ca.pem", Purpose::secret).error().code, 2);

    set.amend({Kind::server, "app/a", "127.0.0.1:80"});
    set.amend({Kind::server, "app/b", "127.0.0.1:81"});
    set.amend({Kind::no_server, "app/a", {}});
    ASSERT_EQ(set.servers().size(), 2U);
    EXPECT_EQ(set.servers()[0].name, "app/b");
    EXPECT_EQ(set.servers()[1].kind, Kind::no_server);
}

TEST(SourceSet, ServersStayWhereTheyWerePutUntilTheirLineChanges) {
    using Kind = Amendment::Kind;
    SourceSet set;
    EXPECT_FALSE(set.place_of("app/a", "here"));
    set.amend({Kind::place, "app/a", "addr 192.0.2.1"});
    set.amend({Kind::place, "app/a", "port +80"});
    const ServerPlace wanted{{"addr", "192.0.2.1"}, {"port", "+80"}};
    ASSERT_TRUE(set.place_of("app/a", "here"));
    EXPECT_EQ(*set.place_of("app/a", "here"), wanted);
    SourceSet fresh;
    fresh.keep_places(set);
    ASSERT_TRUE(fresh.place_of("app/a", "here"));
    EXPECT_FALSE(fresh.place_of("app/a", "there"));
    EXPECT_FALSE(fresh.place_of("app/a", "here")) << "it is over";
    fresh.amend({Kind::place, "app/a", "addr 192.0.2.1"});
    // Another server of that name is another one.
    fresh.amend({Kind::server, "app/a", "127.0.0.1:80"});
    EXPECT_FALSE(fresh.place_of("app/a", "here"));
}

TEST(Amendments, SurviveTheWire) {
    const auto bytes = serialize({{Amendment::Kind::file, "a", "b"}, {Amendment::Kind::forget, "c", {}}});
    auto read = read_amendments(bytes);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->size(), 2U);
    EXPECT_EQ((*read)[0].bytes, "b");
    EXPECT_EQ((*read)[1].kind, Amendment::Kind::forget);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(read_amendments(std::string_view(bytes).substr(0, length))) << length;
    EXPECT_FALSE(read_amendments(serialize({{Amendment::Kind::last_, "a", "b"}})));
}

TEST(SourceSet, RefusesEveryTruncation) {
    FakeWorld world;
    SourceSet set(world);
    ask_everything(set);
    auto bytes = set.serialize();
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(SourceSet::deserialize(std::string_view(bytes).substr(0, length))) << length;
    EXPECT_FALSE(SourceSet::deserialize(bytes + "x"));
}

TEST(SourceSet, HostileBytesDoNoHarm) {
    FakeWorld world;
    SourceSet set(world);
    ask_everything(set);
    auto bytes = set.serialize();
    // Every byte set to the extremes: lengths become huge, counts become lies.
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (char value : {'\xff', '\x7f', '\0'}) {
            auto broken = bytes;
            broken[at] = value;
            if (auto read = SourceSet::deserialize(broken)) (void)read->serialize();
        }
    }
    EXPECT_FALSE(SourceSet::deserialize(std::string(64, '\xff')));
}

TEST(OfflineWorld, ReadsTheConfigurationOnly) {
    OfflineWorld world;
    auto secret = world.read("/etc/hostname", Purpose::secret);
    ASSERT_FALSE(secret);
    EXPECT_TRUE(secret.error().left_out());
    EXPECT_TRUE(world.resolve("localhost").error().left_out());
    auto missing = world.read("/nonexistent/x", Purpose::configuration);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, 2);
}

TEST(LiveWorld, RefusesFoldersAndEndlessGlobs) {
    LiveWorld world;
    EXPECT_EQ(world.read("/", Purpose::content).error().code, 21);
    EXPECT_TRUE(world.glob("/nonexistent/*.conf")->empty());
    EXPECT_EQ(*world.glob("/nonexistent/x.conf"), std::vector<std::string>{"/nonexistent/x.conf"});
    EXPECT_FALSE(world.list("/nonexistent"));
}

}  // namespace
