"""What people say who think while they speak; they pause at the bars."""

HESITANT = """
i would like to | order a large coffee
please remind me to call | my sister tomorrow
what is the weather going to be like | in london this weekend
can you tell me how to get to the | railway station
we went to the market and | bought some fresh bread
my phone number is five five five | one two three four
i think that the meeting should | start at ten
could you book a table for | four people tonight
tell me about the | history of this castle
the reason i am asking is because | my train was late
how long does it take to | boil an egg
set an alarm for seven and | another one for eight
i want to | learn how to play the piano
is there a pharmacy near the | old town hall
when i was a child we used to | swim in the river
please send an email to | the whole team
if it rains tomorrow | we will stay at home
she said that she might | come later
yesterday i saw a very | strange bird
let me think um | the blue one please
"""

LINES = [line.strip() for line in HESITANT.strip().splitlines()]
