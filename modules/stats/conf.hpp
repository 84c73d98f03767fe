// SPDX-License-Identifier: Apache-2.0
// What "stats ..." lines say: where HAProxy's statistics page is, and who may see it.
#pragma once

#include <string>
#include <vector>

namespace weir::modules::stats {

struct Conf {
    std::string uri = "/haproxy?stats";        // every target that begins so
    std::string realm = "HAProxy Statistics";
    std::vector<std::string> credentials;      // base64 of user:password; empty: everybody
    std::vector<std::string> scope;            // names of sections; "." = the one that shows the page
    unsigned refresh = 0;                      // seconds; 0 = never
    bool hide_version = false;
    bool show_node = false, show_legends = false, show_description = false;
    std::string node, description;             // empty: those of the process
};

std::string base64(std::string_view text);

}  // namespace weir::modules::stats
