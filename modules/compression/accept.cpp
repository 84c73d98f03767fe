// SPDX-License-Identifier: Apache-2.0
#include "modules/compression/accept.hpp"

namespace weir::modules::compression {

namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// "1", "0.8", "0.125" in thousandths; 0 for what is no weight: nobody asked for the coding then.
int parse_weight(std::string_view text) {
    if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
    int weight = (text[0] - '0') * 1000;
    if (text.size() == 1) return weight;
    if (text[1] != '.' || text.size() > 5) return 0;
    int unit = 100;
    for (char c : text.substr(2)) {
        if (c < '0' || c > '9') return 0;
        weight += (c - '0') * unit;
        unit /= 10;
    }
    return weight > 1000 ? 0 : weight;
}

}  // namespace

bool WeightedList::next(Weighted& element) {
    while (!rest_.empty()) {
        auto one = rest_.substr(0, rest_.find(','));
        rest_.remove_prefix(one.size() == rest_.size() ? one.size() : one.size() + 1);
        auto mark = one.find(';');
        element.word = trimmed(one.substr(0, mark));
        element.weight = 1000;
        while (mark != std::string_view::npos) {
            one.remove_prefix(mark + 1);
            mark = one.find(';');
            auto parameter = trimmed(one.substr(0, mark));
            if (parameter.size() >= 2 && (parameter[0] | 0x20) == 'q' && parameter[1] == '=')
                element.weight = parse_weight(trimmed(parameter.substr(2)));
        }
        if (!element.word.empty()) return true;
    }
    return false;
}

int weight_of(const http::FieldList& request, std::string_view coding) {
    if (!request.seen(http::FieldId::accept_encoding)) return 0;
    for (const auto& field : request) {
        if (field.id != http::FieldId::accept_encoding) continue;
        WeightedList list(field.value);
        for (Weighted one; list.next(one);)
            if (http::equal_ignoring_case(one.word, coding)) return one.weight;
    }
    return 0;
}

bool lists_word(const http::FieldList& fields, http::FieldId id, std::string_view word) {
    if (!fields.seen(id)) return false;
    for (const auto& field : fields) {
        if (field.id != id) continue;
        WeightedList list(field.value);
        for (Weighted one; list.next(one);)
            if (http::equal_ignoring_case(one.word.substr(0, one.word.find('=')), word)) return true;
    }
    return false;
}

std::string_view type_of(const http::ResponseHead& reply) {
    const auto* field = reply.fields.find(http::FieldId::content_type);
    return field ? trimmed(field->value.substr(0, field->value.find(';'))) : std::string_view();
}

}  // namespace weir::modules::compression
