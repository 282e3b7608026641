"""A bolt in Python, as it would be written for Storm: the words of a text, and how long they are."""

import storm


class Words(storm.BasicBolt):
    def process(self, tup):
        for word in tup.values[0].split():
            storm.emit([word.lower(), len(word)])


Words().run()
