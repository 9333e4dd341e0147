/* util/json.h  What has to be known of JSON text from outside before it is given to json-glib, which recurses. */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include "util/osdep.h"

/* Do objects and lists in it nest deeper than `most`? Brackets in strings do not count. */
static inline bool json_nests_deeper(const char *text, size_t len, int most)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len && depth <= most; i++) {
        if (text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string) {
            depth += (text[i] == '{' || text[i] == '[') - (text[i] == '}' || text[i] == ']');
        }
    }
    return depth > most;
}

#endif
