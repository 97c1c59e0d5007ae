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

ORDINARY = """
tomato potato banana orange window garden river mountain yellow purple silver golden monday
friday winter summer doctor teacher farmer sailor pencil paper basket bottle kitchen table
candle lantern ladder hammer market village station airport ticket engine circus piano violin
trumpet library museum picture mirror island ocean harbour captain weather thunder rainbow
morning evening dinner supper butter sugar pepper honey chicken turtle rabbit monkey tiger
elephant dolphin penguin spider dragon castle palace kingdom soldier hero copper marble diamond
crystal forest meadow valley canyon desert blanket pillow carpet curtain jacket sweater button
pocket wallet camera planet rocket satellite galaxy magnet battery computer keyboard monitor
printer envelope postcard letter parcel number seven eleven thirteen twenty hundred thousand
million question answer language sentence grammar novel poet story chapter football tennis
hockey cricket baseball marathon olympic medal victory champion referee apple cherry lemon
mango papaya peanut almond walnut cinnamon vanilla chocolate biscuit
"""
