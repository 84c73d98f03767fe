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
    auto bytes = set.serialize();
    auto copy = SourceSet::deserialize(bytes);
    ASSERT_TRUE(copy);
    ask_everything(*copy);
    EXPECT_EQ(*copy->read("odd", Purpose::content), std::string_view("\0\xff\n", 3));
    EXPECT_EQ(copy->serialize(), bytes);
    EXPECT_FALSE(copy->read("never asked", Purpose::content));
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
